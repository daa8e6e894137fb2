/** How much memory the program holds. */

import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };

/** Frees what can be freed; each runtime has its own way to be asked. */
export function collect(): void {
  if (Bun !== undefined) return Bun.gc(true);
  v8.setFlagsFromString("--expose-gc");
  (vm.runInNewContext("gc") as () => void)();
}

/** Bytes of what cannot be freed: objects, and the buffers that lie outside of the heap. */
export function heldBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  // Bun counts the buffers in both.
  return Bun === undefined ? heapUsed + external : heapUsed;
}

/** Bytes of the whole process as the system sees them. */
export function residentBytes(): number {
  collect();
  return process.memoryUsage().rss;
}

/** A number of bytes as text. */
export function mebibytes(bytes: number, digits: number = 1): string {
  return `${(bytes / 1024 ** 2).toFixed(digits)} MiB`;
}
