import { beforeAll, describe, expect, it } from "vitest";
import { whisperTiny } from "../encoder/shapes.ts";
import { type EncoderStep, encoderStep } from "./encoderStep.ts";
import { installFakeWebGpu, writtenBytes } from "./fakeWebGpu.ts";
import { accessOf, sumTraffic, trafficOf } from "./traffic.ts";
import { kernelVariants } from "./variants.ts";

const { audioContext: S, audioWidth: D, audioLayers: layers, melBins } = whisperTiny;

describe("a recorded encoding", () => {
  let step: EncoderStep;

  beforeAll(async () => {
    installFakeWebGpu("rdna-2");
    step = await encoderStep("whisper-tiny", "q8_0");
  });

  it("begins with the spectrum and ends with the last norm", () => {
    const labels = step.dispatches.map(({ label }) => label);
    expect(labels[0]).toBe("logMel encoder");
    expect(labels.at(-1)).toBe("layerNorm encoder.ln_post");
    expect(labels.filter((label) => label.startsWith("denseAttention "))).toHaveLength(layers);
  });

  it("reads every weight once", () => {
    const { weights, weightBytes } = sumTraffic(step.dispatches.map((each) => trafficOf(each, step.facts)));
    const convolved = 3 * melBins * D + 3 * D * D;
    const multiplied = layers * 12 * D * D;
    expect(weights).toBe(convolved + multiplied);
    // Convolutions stay f16; 34 bytes for 32 weights of the others. Buffers are padded.
    const exact = 2 * convolved + (multiplied / 32) * 34;
    expect(weightBytes).toBeGreaterThanOrEqual(exact);
    expect(weightBytes).toBeLessThan(exact + 2000);
  });

  it("has the layers' kernels once each, with what tells their loops how often to turn", () => {
    const variants = kernelVariants(step.dispatches, step.facts);
    expect(variants.filter(({ dispatches }) => dispatches.length === layers)).toHaveLength(7);
    for (const { name, dispatches } of variants) {
      const [{ source, bindings }] = dispatches as [EncoderStep["dispatches"][number]];
      const uniforms = bindings.filter(({ binding }) => accessOf(source).get(binding) === "uniform");
      const tokens = uniforms.map(({ buffer }) => new Uint32Array(writtenBytes.get(buffer)!.buffer)[0]);
      expect(tokens, name).toContain(S);
    }
  });
});
