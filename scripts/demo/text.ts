/** Plain text for people: tables, numbers and times. */

/** A table with aligned columns; the first is to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length))
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("  ").trimEnd();
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("\n");
}

/** A duration with three significant digits or so: `0.42 ms`, `12.3 ms`, `1.25 s`. */
export function duration(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms >= 10 ? 1 : 2)} ms`;
}

/** The time of day in UTC with milliseconds: `12:34:56.789`. */
export function timeOfDay(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 23);
}

/** A whole number with separators: `12,345`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
