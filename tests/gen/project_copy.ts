/** A copy of what the generator reads and writes, to change without harm. */

import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

/** Copies the schema, the generator and the event model, so that packages are found there too. */
export class ProjectCopy {
  readonly path: string;
  readonly remove: () => void;

  constructor() {
    const { path, remove } = temporary();
    this.path = path;
    this.remove = remove;
    for (const part of ["schema", "scripts/gen", "src/event", "src/gen"]) {
      cpSync(join(ROOT, part), join(path, part), { recursive: true });
    }
    for (const part of ["scripts/gen.ts", "src/errors.ts"]) {
      cpSync(join(ROOT, part), join(path, part));
    }
    // Deno wants a configuration beside the packages to look for them there.
    writeFileSync(join(path, "package.json"), `{ "type": "module" }`);
    symlinkSync(join(ROOT, "node_modules"), join(path, "node_modules"), "dir");
  }

  /** A module of the copy. */
  import(path: string): Promise<Record<string, unknown>> {
    return import(pathToFileURL(join(this.path, path)).href);
  }
}
