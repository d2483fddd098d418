import { expect, it } from "vitest";
import { melFilters } from "./melFilters.ts";

it("triangles of unit area at Slaney's frequencies", () => {
  for (const mels of [80, 128]) {
    const bins = 201;
    const filters = melFilters({ sampleRate: 16000, frameSize: 400, mels });
    expect(filters.length).toBe(mels * bins);
    const highest = 15 + Math.log(8) / (Math.log(6.4) / 27);
    const hz = (i: number) => {
      const mel = (i * highest) / (mels + 1);
      return mel < 15 ? (mel * 200) / 3 : 1000 * 6.4 ** ((mel - 15) / 27);
    };
    for (let m = 0; m < mels; m++) {
      for (let bin = 0; bin < bins; bin++) {
        // Above the line between its edges' height and the peak on either side, nothing: linear interpolation.
        const at = 40 * bin;
        const peak = 2 / (hz(m + 2) - hz(m));
        const rise = ((at - hz(m)) / (hz(m + 1) - hz(m))) * peak;
        const fall = ((hz(m + 2) - at) / (hz(m + 2) - hz(m + 1))) * peak;
        expect(filters[m * bins + bin]).toBeCloseTo(Math.max(0, Math.min(rise, fall)), 8);
      }
    }
    // The wide filters have many bins of 40 Hz, so that their sums are near their area.
    const last = filters.subarray((mels - 1) * bins);
    expect(last.reduce((a, b) => a + b, 0) * 40).toBeCloseTo(1, 1);
  }
});
