// How the positions that a token sees are divided among splits: what decode and merge must agree on.

const smallestSplit = 64u;

/// Positions per split: even shares, but not so small that a split is not worth its start.
fn splitSize(seen: u32) -> u32 {
  return max((seen + splits - 1u) / splits, smallestSplit);
}
