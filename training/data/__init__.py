"""Generators of training conversations, one file a skill; `mix.py` puts them together."""
