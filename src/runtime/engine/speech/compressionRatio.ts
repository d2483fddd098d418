/** How often a text repeats itself: its bytes over those of the same, deflated. 1 for an empty text. */
export async function compressionRatio(text: string): Promise<number> {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length === 0) return 1;
  const deflated = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return bytes.length / (await new Response(deflated).arrayBuffer()).byteLength;
}
