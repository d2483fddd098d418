/** What audio may be: files come from anywhere. */

export const audioLimits = {
  /** A two-hour recording as 16-bit stereo at 44.1 kHz takes 1.27 GB. */
  maxBytes: 2 * 2 ** 30,
  maxSeconds: 12 * 3600,
  maxChannels: 32,
  minSampleRate: 4000,
  maxSampleRate: 384_000,
} as const;

export type AudioLimits = { readonly [name in keyof typeof audioLimits]: number };
