/** What commands printed, as files that a reader can look at. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import type { Result } from "./cli.ts";

/** One command and what it printed. */
export interface Transcript {
  readonly args: readonly string[];
  readonly result: Result;
}

/** The text of a golden file: each command with its output, its errors and its exit code. */
function textOf(transcripts: readonly Transcript[], mask: (text: string) => string): string {
  return transcripts.map(({ args, result: { code, out, err } }) => {
    const words = args.map((arg) => /^[\w:./=-]+$/.test(arg) ? arg : JSON.stringify(arg));
    const errors = err === "" ? "" : `--- standard error\n${err}`;
    const end = code === 0 ? "" : `--- exit code ${code}\n`;
    return mask(`$ naq-events ${words.join(" ")}\n${out}${errors}${end}`);
  }).join("\n");
}

/**
 * Compares what commands printed with the golden file of a name. With `UPDATE_GOLDEN=1` the file is
 * written instead: look at the difference before you commit it.
 *
 * @param mask Takes out what is another one on each run, or in each storage.
 */
export function compare(
  name: string,
  transcripts: readonly Transcript[],
  mask: (text: string) => string,
): void {
  const file = new URL(`./golden/${name}.txt`, import.meta.url);
  const text = textOf(transcripts, mask);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, text);
  const wanted = existsSync(file) ? readFileSync(file, "utf8") : "";
  assert.equal(text, wanted, `golden/${name}.txt; UPDATE_GOLDEN=1 writes it anew`);
}
