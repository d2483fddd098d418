// Draws a token for each row from what `sampleChunks` found, and writes it to `sampled`, to the slot's list and with
// its log-probabilities to `results`.
//
// One workgroup per row. The bins of all chunks add up to a histogram of the whole row, best first. Tokens in the order
// of their places, equal ones by id, make a line, each as long as its weight: min-p, top-k and top-p keep a first part
// of it, and the random number points into that.
// Before this: sampleCommon.wgsl, sampleLine.wgsl.

@group(0) @binding(4) var<storage, read> adjusted: array<u32>; // (R, vocab)
@group(0) @binding(5) var<storage, read> chunks: array<u32>; // (R, chunkCount, chunkWords)
@group(0) @binding(6) var<storage, read_write> state: array<u32>; // sampled (slots), then a list of tokens for each slot
@group(0) @binding(7) var<storage, read_write> results: array<u32>; // (R, resultWords)

/// "lowbias32" by Chris Wellons, as in the engine's random.ts.
fn hash32(value: u32) -> u32 {
  var x = value;
  x = (x ^ (x >> 16u)) * 0x7feb352du;
  x = (x ^ (x >> 15u)) * 0x846ca68bu;
  return x ^ (x >> 16u);
}

fn draw(slot: u32, best: Best, draws: u32, thread: u32) -> u32 {
  let bestPlace = placeOf(bitsOfKey(best.key), param(slot, scale));
  placeScale = param(slot, scale);
  topOctave = bestPlace.octave;
  addBins(thread);
  var kept = Found(0u, countsBefore[bins - 1u] + binCounts[bins - 1u], totalLength);
  let wants = param(slot, flags);
  if ((wants & flagMinP) != 0u) {
    kept = within(bestPlace, param(slot, minPDistance), thread);
  }
  // A loop, so that `find` is there once: top-k, top-p, the draw.
  for (var stage = 0u; stage < 3u; stage++) {
    var point: vec2<u32>;
    if (stage == 0u) {
      if ((wants & flagTopK) == 0u) {
        continue;
      }
      point = vec2(min(param(slot, topK), kept.count) - 1u, 0u);
    } else if (stage == 1u) {
      if ((wants & flagTopP) == 0u) {
        continue;
      }
      let share = share64(kept.length, param(slot, topP));
      point = subtract64(share, select(vec2(1u, 0u), vec2(0u), all(share == vec2(0u))));
    } else {
      let random = hash32(param(slot, seedKey) ^ hash32(draws + 0x85ebca6bu));
      point = share64(kept.length, random);
    }
    kept = find(point, stage == 0u, thread);
  }
  return kept.token;
}

var<workgroup> chunkKeys: array<u32, chunkCount>;
var<workgroup> chunkIndices: array<u32, chunkCount>;

fn bestChunk(thread: u32) -> Best {
  var best = Best(0u, 0u);
  for (var chunk = thread; chunk < chunkCount; chunk += threads) {
    best = takeGreater(best, chunkKeys[chunk], chunkIndices[chunk]);
  }
  return reduceBest(best, thread);
}

/// The largest logit of the row and its token, by the chunks' own; key 0 where all are NaN.
fn rowBest(keyWord: u32, indexWord: u32, thread: u32) -> Best {
  for (var chunk = thread; chunk < chunkCount; chunk += threads) {
    let head = headAt(row, chunk);
    chunkKeys[chunk] = chunks[head + keyWord];
    chunkIndices[chunk] = chunks[head + indexWord];
  }
  return bestChunk(thread);
}

/// Writes the row's log-sum and its `wanted` most probable tokens; how many there were.
fn writeLogprobs(wanted: u32, result: u32, thread: u32) -> u32 {
  var best = rowBest(plainKey, plainIndex, thread);
  var sum = 0.0;
  let largest = bitcast<f32>(bitsOfKey(best.key));
  for (var chunk = thread; chunk < chunkCount; chunk += threads) {
    let head = headAt(row, chunk);
    let key = chunks[head + plainKey];
    let chunkSum = bitcast<f32>(chunks[head + plainSum]);
    if (key == best.key) {
      sum += chunkSum;
    } else if (key > keyOfLowest && best.key < 0x80000000u + infinity) {
      sum += chunkSum * exp(bitcast<f32>(bitsOfKey(key)) - largest);
    }
  }
  sum = reduceSum(sum, thread);
  if (thread == 0u) {
    results[result + resultLargest] = select(bitsOfKey(best.key), 0x7fc00000u, best.key == 0u);
    results[result + resultSum] = bitcast<u32>(sum);
  }
  // The best of the chunks' best, then the next in its chunk takes its place.
  var written = 0u;
  while (written < wanted && best.key > keyOfLowest) {
    if (thread == 0u) {
      results[result + resultHead + 2u * written] = best.index;
      results[result + resultHead + 2u * written + 1u] = bitsOfKey(best.key);
    }
    written++;
    let chunk = best.index / chunkTokens;
    let end = min((chunk + 1u) * chunkTokens, vocab);
    var next = Best(0u, 0u);
    for (var i = chunk * chunkTokens + thread; i < end; i += threads) {
      let key = orderedKey(logitAt(row * vocab + i));
      if (key < best.key || (key == best.key && i > best.index)) {
        next = takeGreater(next, key, i);
      }
    }
    next = reduceBest(next, thread);
    if (thread == 0u) {
      chunkKeys[chunk] = next.key;
      chunkIndices[chunk] = next.index;
    }
    workgroupBarrier();
    best = bestChunk(thread);
  }
  return written;
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  row = group.x;
  let slot = rowSlots[group.x];
  let result = group.x * resultWords;
  if (slot >= slots) {
    if (thread == 0u) {
      results[result + resultStatus] = statusNone;
    }
    return;
  }
  let draws = rowDraws[group.x];
  let wants = param(slot, flags);
  var token = draws & 0x7fffffffu;
  var status = statusDrawn;
  if (draws < givenToken) {
    adjusts = (wants & (flagPenalties | flagBias)) != 0u || param(slot, masked) != 0u;
    let best = rowBest(chunkKey, chunkIndex, thread);
    token = best.index;
    if (best.key <= keyOfLowest) {
      status = statusNoToken;
    } else if ((wants & flagDraws) != 0u) {
      token = draw(slot, best, draws, thread);
    }
    if (thread == 0u) {
      state[slot] = token;
      let at = param(slot, promptCount) + draws;
      if (at < tokenWords) {
        state[listsStart + slot * listWords + biasWords + at] = token;
      }
    }
  }
  var alternatives = 0u;
  if ((wants & flagLogprobs) != 0u) {
    alternatives = writeLogprobs(min(param(slot, topLogprobs), maxTopLogprobs), result, thread);
  }
  if (thread == 0u) {
    results[result + resultStatus] = status;
    results[result + resultToken] = token;
    results[result + resultAlternatives] = alternatives;
    if ((wants & flagLogprobs) != 0u) {
      results[result + resultChosen] = logitAt(row * vocab + min(token, vocab - 1u));
    } else {
      results[result + resultSum] = 0u;
    }
  }
}
