/** The formula: what memory bandwidth and dispatches allow. */

/** A GPU by its data sheet. */
export interface RooflineGpu {
  name: string;
  bytesPerSecond: number;
}

/**
 * Milliseconds of a step that moves so many bytes in so many dispatches, one after the other:
 *
 *   t = bytes / bandwidth + dispatches · overhead
 *
 * Bytes count once for each dispatch that touches them: weights exceed every cache. Overhead is the time between two
 * dispatches that depend on each other, in which the memory idles.
 */
export function stepMs(
  { bytesPerSecond }: RooflineGpu,
  bytes: number,
  dispatches: number,
  overheadSeconds: number,
): number {
  return (bytes / bytesPerSecond + dispatches * overheadSeconds) * 1e3;
}
