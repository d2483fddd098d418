/** Writes WAV files for tests. Format: RIFF, with the fields of `WAVEFORMATEX`. */

export interface WaveOptions {
  sampleRate: number;
  /** One array per channel, of equal lengths, from -1 to 1. */
  channels: readonly ArrayLike<number>[];
  /** @default 16 */
  bits?: 8 | 16 | 24 | 32;
  float?: boolean;
  /** What the header says of the bytes of samples, where that is not the truth. */
  declaredBytes?: number;
}

export function waveFile({ sampleRate, channels, bits = 16, float = false, declaredBytes }: WaveOptions) {
  const frames = channels[0]!.length;
  const bytes = bits / 8;
  const block = bytes * channels.length;
  const view = new DataView(new ArrayBuffer(44 + frames * block));
  const text = (at: number, value: string) =>
    [...value].forEach((c, i) => {
      view.setUint8(at + i, c.charCodeAt(0));
    });
  const size = declaredBytes ?? frames * block;
  text(0, "RIFF");
  view.setUint32(4, Math.min(36 + size, 0xffff_ffff), true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, float ? 3 : 1, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * block, true);
  view.setUint16(32, block, true);
  view.setUint16(34, bits, true);
  text(36, "data");
  view.setUint32(40, size, true);
  for (let i = 0, at = 44; i < frames; i++)
    for (const channel of channels) {
      const value = channel[i]!;
      if (float) view.setFloat32(at, value, true);
      else if (bits === 8) view.setUint8(at, Math.round(value * 127) + 128);
      else if (bits === 16) view.setInt16(at, Math.round(value * 32767), true);
      else if (bits === 24) {
        const whole = Math.round(value * 8_388_607);
        view.setUint16(at, whole & 0xffff, true);
        view.setInt8(at + 2, whole >> 16);
      } else view.setInt32(at, Math.round(value * 2_147_483_647), true);
      at += bytes;
    }
  return new Uint8Array(view.buffer);
}

/** A sine of amplitude 0.5. */
export function tone(frequencyHz: number, sampleRate: number, seconds: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: Math.round(sampleRate * seconds) },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * frequencyHz * i) / sampleRate),
  );
}
