/** The logger with a defect: a copy of its sources with some words changed. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { LoggerClass } from "./world.ts";

const SOURCES = new URL("../../../src/", import.meta.url);

/** One change of a text. */
export interface Edit {
  /** A file of `src/logger`. */
  readonly file: string;
  /** What is replaced; it must be there exactly once. */
  readonly from: string;
  readonly to: string;
}

/** A defect that the simulation must find. */
export interface Defect {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The broken promise that it must lead to. */
  readonly shows: RegExp;
}

/**
 * Loads the logger with a defect.
 *
 * @throws {Error} A text that is to be replaced is not there, or more than once.
 */
export async function loadVariant({ name, edits }: Defect): Promise<LoggerClass> {
  const directory = mkdtempSync(join(tmpdir(), "naq-events-variant-"));
  try {
    cpSync(fileURLToPath(new URL("logger/", SOURCES)), directory, { recursive: true });
    writeFileSync(join(directory, "package.json"), `{ "type": "module" }`);
    for (const { file, from, to } of edits) {
      const path = join(directory, file);
      const text = readFileSync(path, "utf8");
      const places = text.split(from).length - 1;
      if (places !== 1) {
        throw new Error(`"${name}" cannot be put into src/logger/${file}: ${places} × ${from}`);
      }
      writeFileSync(path, text.replace(from, () => to));
    }
    // Everything else is shared with the real logger.
    for (const file of readdirSync(directory).filter((file) => file.endsWith(".ts"))) {
      const path = join(directory, file);
      const text = readFileSync(path, "utf8");
      writeFileSync(path, text.replaceAll(`from "../`, () => `from "${SOURCES.href}`));
    }
    const { JobEventLogger } = await import(pathToFileURL(join(directory, "logger.ts")).href);
    return JobEventLogger;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
