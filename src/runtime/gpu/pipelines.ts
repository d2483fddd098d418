/** Compute pipelines by source and constants, compiled asynchronously and once. */

import { OmniError } from "../errors.ts";

export interface PipelineKey {
  label: string;
  source: string;
  constants?: Record<string, number>;
}

export class PipelineCache {
  private readonly modules = new Map<string, GPUShaderModule>();
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(private readonly device: GPUDevice) {}

  /** The pipeline of a WGSL source (entry point `main`) with these override constants. */
  get({ label, source, constants = {} }: PipelineKey): Promise<GPUComputePipeline> {
    const key = JSON.stringify(Object.entries(constants).sort()) + source;
    let pipeline = this.pipelines.get(key);
    if (!pipeline) {
      pipeline = this.compile(label, source, constants);
      this.pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  get size(): number {
    return this.pipelines.size;
  }

  private async compile(
    label: string,
    source: string,
    constants: Record<string, number>,
  ): Promise<GPUComputePipeline> {
    let module = this.modules.get(source);
    if (!module) {
      module = this.device.createShaderModule({ label, code: source });
      this.modules.set(source, module);
    }
    try {
      return await this.device.createComputePipelineAsync({
        label,
        layout: "auto",
        compute: { module, entryPoint: "main", constants },
      });
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      const details = messages.map((m) => `${m.lineNum}:${m.linePos} ${m.message}`).join("; ");
      throw new OmniError("internal_error", `Kernel ${label} does not compile: ${details || String(cause)}`, {
        cause,
      });
    }
  }
}
