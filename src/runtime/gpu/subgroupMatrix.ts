/** Matrix units of the GPU, where the browser offers Chromium's experimental subgroup matrices. */

/** A left matrix of m rows by k columns times a right one of k by n, summed in f32. */
export interface SubgroupMatrix {
  element: "f16" | "f32";
  m: number;
  n: number;
  k: number;
}

export const subgroupMatrixFeature = "chromium-experimental-subgroup-matrix" as GPUFeatureName;

/** An entry of `GPUAdapterInfo.subgroupMatrixConfigs`. */
interface SubgroupMatrixConfig {
  componentType: string;
  resultComponentType: string;
  M: number;
  N: number;
  K: number;
}

/** What of an adapter's matrix units kernels can use: sums in f32, sizes that divide their tiles; f16 is the fastest. */
export function subgroupMatrixOf(adapter: GPUAdapter): SubgroupMatrix | undefined {
  const { features, info } = adapter;
  const needed = [subgroupMatrixFeature, "subgroups" as GPUFeatureName];
  if (!needed.every((feature) => features.has(feature))) return undefined;
  const configs = (info as { subgroupMatrixConfigs?: Iterable<SubgroupMatrixConfig> }).subgroupMatrixConfigs;
  const usable = [...(configs ?? [])].filter(
    ({ resultComponentType, M, N, K }) =>
      resultComponentType === "f32" && 32 % M === 0 && 32 % N === 0 && 16 % K === 0,
  );
  for (const element of ["f16", "f32"] as const) {
    if (element === "f16" && !features.has("shader-f16")) continue;
    const config = usable.find(({ componentType }) => componentType === element);
    if (config) return { element, m: config.M, n: config.N, k: config.K };
  }
  return undefined;
}
