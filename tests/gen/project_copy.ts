/** A copy of what the generator reads and writes, to change without harm. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a script of the project with the runtime that runs the tests. */
export function runScript(
  script: string,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const permission = "Deno" in globalThis ? ["run", "--allow-all"] : [];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...permission, script, ...args], (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === "number") resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}

/** The generator's script in this project. */
export const GEN: string = join(ROOT, "scripts/gen.ts");

/** Makes an empty directory and gives what removes it. */
export function temporary(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "naq-gen-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

const EVENT_MODEL = ["src/errors.ts", "src/event", "src/gen"];

/** Copies the schema, the generator and some sources, so that packages are found there too. */
export class ProjectCopy {
  readonly path: string;
  readonly remove: () => void;

  constructor(sources: readonly string[] = EVENT_MODEL) {
    const { path, remove } = temporary();
    this.path = path;
    this.remove = remove;
    for (const part of ["schema", "scripts/gen", "scripts/gen.ts", ...sources]) {
      cpSync(join(ROOT, part), join(path, part), { recursive: true });
    }
    // Deno wants a configuration beside the packages to look for them there.
    writeFileSync(join(path, "package.json"), `{ "type": "module" }`);
    symlinkSync(join(ROOT, "node_modules"), join(path, "node_modules"), "dir");
  }

  /** Changes the schema and generates anew. */
  async generate(change: (schema: string) => string): Promise<void> {
    const schema = join(this.path, "schema/job_event.proto");
    writeFileSync(schema, change(readFileSync(schema, "utf8")));
    const { code, stdout, stderr } = await runScript(join(this.path, "scripts/gen.ts"), []);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^7 files generated, 7 changed/);
  }

  /** A module of the copy. */
  import(path: string): Promise<Record<string, unknown>> {
    return import(pathToFileURL(join(this.path, path)).href);
  }
}
