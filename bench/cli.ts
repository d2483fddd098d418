/** What the modes of the benchmark share on the command line. */

/** What the user can mend: shown by its message alone. */
export class BenchError extends Error {
  override readonly name = "BenchError";
}

export function fail(message: string): never {
  throw new BenchError(message);
}

/** A comma-separated list of known names; `all` for every one. */
export function listOf<T extends string>(option: string, value: string, known: readonly T[]): T[] {
  if (value === "all") return [...known];
  return value.split(",").map((name) => {
    const found = known.find((each) => each === name.trim());
    return found ?? fail(`${option}: there is no ${name}; known are ${known.join(", ")}`);
  });
}

/** A whole number of at least `least`. */
export function countOf(option: string, value: string, least = 1): number {
  const number = Number(value);
  if (value.trim() === "" || !Number.isInteger(number) || number < least)
    fail(`${option} ${value} is not a whole number of ${least} or more`);
  return number;
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** With the prefix that leaves at least one digit before the point. */
export function bytesOf(sizeBytes: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  while (sizeBytes >= 1000 && unit < units.length - 1) {
    sizeBytes /= 1000;
    unit++;
  }
  return `${sizeBytes.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}

/** Columns as wide as they need to be, in the order in which they first appear. */
export function printTable(rows: readonly Record<string, string>[]): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const widths = columns.map((column) =>
    Math.max(column.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const numeric = columns.map((column) =>
    rows.every((row) => /^[~?]?[\d.,/ -]*$|^$/.test(row[column] ?? "")),
  );
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  console.log(line(columns));
  for (const row of rows) console.log(line(columns.map((column) => row[column] ?? "")));
}
