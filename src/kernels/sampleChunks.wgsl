// Of each chunk of `chunkTokens` logits in a row, what `sampleSelect` needs: (key, token) of the largest one; where a
// token will be drawn, how many logits lie in each bin below the largest one and the sum of their weights; where
// log-probabilities are wanted, the largest plain logit and the sum of exp relative to it.
//
// One workgroup per chunk and row. Where the slot has penalties, biases or a mask, the logits after these go to
// `adjusted` first. There they begin as counts: bit 31 says that a token is in the prompt, the rest how often it has
// been drawn, from the list of the slot's draws and the row's number of draws. So a draw can be taken back by drawing
// with that number again.
// Before this: sampleCommon.wgsl.

@group(0) @binding(4) var<storage, read> state: array<u32>; // sampled (slots), then a list of tokens for each slot
@group(0) @binding(5) var<storage, read> masks: array<u32>; // (slots, maskWords), a bit for each token
@group(0) @binding(6) var<storage, read_write> adjusted: array<atomic<u32>>; // (R, vocab), the bits of f32
@group(0) @binding(7) var<storage, read_write> chunks: array<u32>; // (R, chunkCount, chunkWords)

var<workgroup> counts: array<atomic<u32>, bins>;
var<workgroup> weights: array<atomic<u32>, bins>;

var<private> zero: u32; // 0, unknown to the compiler

/// A float operation's result as it stands: not fused with the next operation, and the smallest floats are 0 everywhere.
fn rounded(value: f32) -> f32 {
  let bits = bitcast<u32>(value) ^ zero;
  return select(bitcast<f32>(bits), 0.0, (bits & infinity) == 0u);
}

fn penalized(slot: u32, bits: u32, count: u32) -> u32 {
  if (count == 0u || sizeOf(bits) >= huge) {
    return bits;
  }
  let logit = rounded(bitcast<f32>(bits));
  let factor = bitcast<f32>(select(param(slot, repetition), param(slot, repetitionInverse), logit > 0.0));
  var value = rounded(logit * factor);
  let drawn = count & 0x7fffffffu;
  if (drawn > 0u) {
    let amount = rounded(f32(drawn) * bitcast<f32>(param(slot, frequency)));
    value = rounded(value - rounded(amount + bitcast<f32>(param(slot, presence))));
  }
  return bitcast<u32>(value);
}

/// Counts what lies in tokens [start, end) of a list.
fn countTokens(list: u32, length: u32, start: u32, end: u32, base: u32, isPrompt: bool, thread: u32) {
  for (var i = thread; i < length; i += threads) {
    let token = state[list + i];
    if (token >= start && token < end) {
      if (isPrompt) {
        atomicOr(&adjusted[base + token], 0x80000000u);
      } else {
        atomicAdd(&adjusted[base + token], 1u);
      }
    }
  }
}

/// Fills `adjusted` for tokens [start, end).
fn adjust(row: u32, slot: u32, draws: u32, start: u32, end: u32, thread: u32) {
  let base = row * vocab;
  let list = listsStart + slot * listWords;
  let hasPenalties = (param(slot, flags) & flagPenalties) != 0u;
  if (hasPenalties) {
    for (var i = start + thread; i < end; i += threads) {
      atomicStore(&adjusted[base + i], 0u);
    }
    storageBarrier();
    let prompt = param(slot, promptCount);
    countTokens(list + biasWords, prompt, start, end, base, true, thread);
    countTokens(list + biasWords + prompt, min(draws, tokenWords - prompt), start, end, base, false, thread);
    storageBarrier();
  }
  let hasMask = param(slot, masked) != 0u;
  for (var i = start + thread; i < end; i += threads) {
    var bits = logitAt(base + i);
    if (hasPenalties) {
      bits = penalized(slot, bits, atomicLoad(&adjusted[base + i]));
    }
    if (hasMask && ((masks[slot * maskWords + i / 32u] >> (i % 32u)) & 1u) == 0u) {
      bits = 0x7fc00000u;
    }
    atomicStore(&adjusted[base + i], bits);
  }
  storageBarrier();
  for (var i = thread; i < param(slot, biasCount); i += threads) {
    let token = state[list + 2u * i];
    if (token >= start && token < end) {
      let bits = atomicLoad(&adjusted[base + token]);
      if (sizeOf(bits) < huge) {
        let value = rounded(bitcast<f32>(bits)) + bitcast<f32>(state[list + 2u * i + 1u]);
        atomicStore(&adjusted[base + token], bitcast<u32>(rounded(value)));
      }
    }
  }
  storageBarrier();
}

fn plainBest(row: u32, start: u32, end: u32, thread: u32) -> Best {
  var best = Best(0u, 0u);
  let base = row * vocab / width;
  for (var i = start / width + thread; i < end / width; i += threads) {
    best = better(best, logits[base + i], i);
  }
  return reduceBest(best, thread);
}

fn adjustedBest(row: u32, start: u32, end: u32, thread: u32) -> Best {
  var best = Best(0u, 0u);
  for (var i = start + thread; i < end; i += threads) {
    best = takeGreater(best, orderedKey(atomicLoad(&adjusted[row * vocab + i])), i);
  }
  return reduceBest(best, thread);
}

fn sumOfExp(row: u32, start: u32, end: u32, best: Best, thread: u32) -> f32 {
  let largest = bitcast<f32>(bitsOfKey(best.key));
  var sum = 0.0;
  for (var i = start + thread; i < end; i += threads) {
    let bits = logitAt(row * vocab + i);
    let key = orderedKey(bits);
    if (key == best.key) {
      sum += 1.0;
    } else if (key > keyOfLowest && best.key < 0x80000000u + infinity) {
      sum += exp(bitcast<f32>(bits) - largest);
    }
  }
  return reduceSum(sum, thread);
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let chunk = group.x;
  let row = group.y;
  let slot = rowSlots[row];
  if (slot >= slots) {
    return;
  }
  let draws = rowDraws[row];
  let isGiven = draws >= givenToken;
  zero = param(slot, alwaysZero);
  let wants = param(slot, flags);
  let adjusts = !isGiven && ((wants & (flagPenalties | flagBias)) != 0u || param(slot, masked) != 0u);
  let start = chunk * chunkTokens;
  let end = min(start + chunkTokens, vocab);
  let head = headAt(row, chunk);
  var best = Best(0u, 0u);
  if (!adjusts || (wants & flagLogprobs) != 0u) {
    best = plainBest(row, start, end, thread);
  }
  if ((wants & flagLogprobs) != 0u) {
    let sum = sumOfExp(row, start, end, best, thread);
    if (thread == 0u) {
      chunks[head + plainKey] = best.key;
      chunks[head + plainIndex] = best.index;
      chunks[head + plainSum] = bitcast<u32>(sum);
    }
  }
  if (isGiven) {
    return;
  }
  if (adjusts) {
    adjust(row, slot, draws, start, end, thread);
    best = adjustedBest(row, start, end, thread);
  }
  let isEmpty = best.key <= keyOfLowest;
  var top = Place(0u, 0u);
  if (!isEmpty) {
    top = placeOf(bitsOfKey(best.key), param(slot, scale));
  }
  if (thread == 0u) {
    chunks[head + chunkKey] = best.key;
    chunks[head + chunkIndex] = best.index;
    chunks[head + chunkOctave] = top.octave;
  }
  if ((wants & flagDraws) == 0u || isEmpty) {
    return;
  }
  for (var i = start + thread; i < end; i += threads) {
    var bits: u32;
    if (adjusts) {
      bits = atomicLoad(&adjusted[row * vocab + i]);
    } else {
      bits = logitAt(row * vocab + i);
    }
    if (orderedKey(bits) > keyOfLowest) {
      let place = placeOf(bits, param(slot, scale));
      let below = top.octave - place.octave;
      if (below < octaves) {
        let bin = below * octaveBins + partOf(place.fraction);
        atomicAdd(&counts[bin], 1u);
        atomicAdd(&weights[bin], weightOf(place.fraction));
      }
    }
  }
  workgroupBarrier();
  for (var i = thread; i < bins; i += threads) {
    chunks[head + headWords + i] = atomicLoad(&counts[i]);
    chunks[head + headWords + bins + i] = atomicLoad(&weights[i]);
  }
}
