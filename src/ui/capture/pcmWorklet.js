// @ts-nocheck: runs in an AudioWorkletGlobalScope, for which there are no types
/** Passes on what a microphone gives, as mono samples at the context's rate, some 40 ms at a time. A file of its own: the policy allows no blob: scripts. */

const pieceSamples = 2048;

class PcmCapture extends AudioWorkletProcessor {
  #piece = new Float32Array(pieceSamples);
  #filled = 0;

  process([channels]) {
    const count = channels?.[0]?.length ?? 0;
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      this.#piece[this.#filled++] = sum / channels.length;
      if (this.#filled < pieceSamples) continue;
      this.port.postMessage(this.#piece, [this.#piece.buffer]);
      this.#piece = new Float32Array(pieceSamples);
      this.#filled = 0;
    }
    return true;
  }
}

registerProcessor("pcm-capture", PcmCapture);
