/** What a cache holds after rows were put to their places. @param cache (S, width), changed */
export function placeRowsRef(
  cache: number[][],
  x: readonly (readonly number[])[],
  start: number,
  places: readonly number[],
): void {
  places.forEach((place, t) => {
    const row = cache[place];
    row?.splice(0, row.length, ...x[t]!.slice(start, start + row.length));
  });
}
