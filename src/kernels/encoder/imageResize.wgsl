// Resizes an image along one axis: out[a, b] = Σ_i w[i] · in[a, first + i] / Σ_i w[i]
//
// As Pillow does it (Resample.c): the filter is as wide as the pixels that become one, so that shrinking does not alias;
// first along rows, rounded to bytes, then along columns. A thread makes one pixel. Where pixels lie is counted in
// integers: a pixel's centre is (2 · o + 1) · inputs / (2 · outputs).
// Before this: imageSizes.ts, `filterWeight` with `filterSupport`, and of each pass `gridSize`, `lineOf` (which pixel of its
// line, of how many, from how many), `loadPixel` and `storePixel`.

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (any(id.xy >= gridSize())) {
    return;
  }
  let line = lineOf(id);
  let outputs = line.y;
  let inputs = line.z;
  let twice = (2u * line.x + 1u) * inputs;
  let whole = i32(twice / (2u * outputs));
  let part = f32(twice % (2u * outputs)) / f32(2u * outputs);
  let stretch = max(f32(inputs) / f32(outputs), 1.0);
  let reach = filterSupport * stretch;
  let begin = max(0, whole + i32(floor(part - reach + 0.5)));
  let end = min(i32(inputs), whole + i32(floor(part + reach + 0.5)));
  var total = 0.0;
  var value = vec4f();
  for (var i = begin; i < end; i += 1) {
    let weight = filterWeight((f32(i - whole) - part + 0.5) / stretch);
    total += weight;
    value += weight * loadPixel(id, u32(i));
  }
  storePixel(id, clamp(floor(value / total + 0.5), vec4f(), vec4f(255.0)));
}
