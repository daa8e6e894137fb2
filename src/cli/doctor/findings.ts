/** What the doctor has found so far. */

import type { FindingJson } from "../types.ts";

/** Collects findings. */
export class Findings {
  readonly all: FindingJson[] = [];

  ok(check: string, message: string): void {
    this.all.push({ check, level: "ok", message });
  }

  /** Something to know. */
  warning(check: string, message: string, remedy?: string): void {
    this.all.push({ check, level: "warning", message, ...(remedy && { remedy }) });
  }

  /** Something does not work, or will not. */
  problem(check: string, message: string, remedy?: string): void {
    this.all.push({ check, level: "problem", message, ...(remedy && { remedy }) });
  }
}
