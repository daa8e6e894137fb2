/** Installs the package from its tarball, as who uses npm does. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, which } from "./nats/run.ts";
import { pack } from "./pack.ts";

/**
 * Packs the package and installs it into a project that has nothing yet.
 *
 * @param project The project's directory. It must not be inside another project.
 * @param others Packages beside it, such as `left-pad@1.3.0`.
 * @returns The path of the tarball, in the directory.
 */
export async function installPacked(
  project: string,
  others: readonly string[] = [],
): Promise<string> {
  const npm = which("npm");
  if (npm === undefined) throw new Error("Cannot install the package: npm is not on the PATH");
  writeFileSync(join(project, "package.json"), `{ "private": true }\n`);
  const tarball = await pack(project);
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"];
  await run(npm, ["install", ...quiet, tarball, ...others], { cwd: project });
  return tarball;
}

/** What the package takes when it is installed. */
export interface Installed {
  /** How many packages there are, this one included. */
  readonly packages: number;
  /** The bytes of all their files. */
  readonly bytes: number;
}

/** Installs the package into an empty project, which is removed afterwards. */
export async function withInstalled<Result>(
  use: (project: string) => Result | Promise<Result>,
): Promise<Result> {
  const project = mkdtempSync(join(tmpdir(), "naq-events-size-"));
  try {
    await installPacked(project);
    return await use(project);
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

/** Measures what is installed in a project. */
export function measureInstall(project: string): Installed {
  const modules = join(project, "node_modules");
  const lock = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8"));
  const bytes = readdirSync(modules, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
  return { packages: Object.keys(lock.packages).length, bytes };
}
