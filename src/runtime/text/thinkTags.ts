/** The tags between which models reason before they answer: Qwen3, DeepSeek R1, SmolLM3 and most since. */

export const openTag = "<think>";
export const closeTag = "</think>";
