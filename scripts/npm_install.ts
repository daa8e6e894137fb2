/** Installs the package from its tarball, as who uses npm does. */

import { writeFileSync } from "node:fs";
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
