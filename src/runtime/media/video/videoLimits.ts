/** What a video may be: files come from anywhere. */

export const videoLimits = {
  maxBytes: 2 * 2 ** 30,
  maxSeconds: 12 * 3600,
  /** A frame of 8K is 7680 × 4320. */
  maxSide: 8192,
  maxPixels: 36e6,
  /** What may be decoded to reach the chosen frames, where key frames lie far apart. */
  maxDecodedSeconds: 1800,
} as const;

export type VideoLimits = { readonly [name in keyof typeof videoLimits]: number };
