/** What the package must be for who uses npm, whatever their project is. */

import { build } from "esbuild";
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { run } from "../../scripts/nats/run.ts";
import { ROOT } from "../../scripts/runtimes.ts";

/** The manifest of a package that is installed in a project. */
function manifest(project: string, name = "@naq/events"): Record<string, Record<string, string>> {
  return JSON.parse(readFileSync(join(project, "node_modules", name, "package.json"), "utf8"));
}

/** Runs a command of a package that this project develops with. */
function runTool(project: string, name: string, bin: string, ...args: string[]): Promise<string> {
  const file = join(ROOT, "node_modules", name, manifest(ROOT, name)["bin"]![bin]!);
  return run(process.execPath, [file, ...args], { cwd: project });
}

/** It has the exports of deno.json, JavaScript and types for each, and nothing of JSR's. */
export async function checkContent(project: string): Promise<void> {
  const { exports, dependencies, version, bin = {} } = manifest(project);
  const { exports: expected } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
  assert.deepEqual(Object.keys(exports!), Object.keys(expected));
  assert.deepEqual(Object.keys(dependencies!).filter((name) => name.startsWith("@jsr/")), []);
  assert.ok(!existsSync(join(project, "node_modules/@jsr")));
  const files = readdirSync(join(project, "node_modules/@naq/events"), {
    recursive: true,
    withFileTypes: true,
  }).filter((entry) => entry.isFile()).map(({ name }) => name);
  const other = /(?<!\.d\.ts|\.js|\.md|\.proto|\.html|\.css|^LICENSE|^package\.json)$/;
  assert.deepEqual(files.filter((name) => other.test(name)), []);
  // The line that names the interpreter must find this one.
  const env = { ...process.env, PATH: dirname(process.execPath) + delimiter + process.env["PATH"] };
  for (const command of Object.keys(bin)) {
    const file = join(project, "node_modules/.bin", command);
    assert.match(await run(file, ["--help"], { env }), new RegExp(command));
    assert.equal(await run(file, ["--version"], { env }), `${version}\n`);
  }
}

/** The manifest says what is so, for all who resolve modules. */
export async function checkManifest(project: string, tarball: string): Promise<void> {
  await runTool(project, "publint", "publint", "run", tarball, "--strict");
  await runTool(project, "@arethetypeswrong/cli", "attw", tarball, "--profile", "esm-only");
}

/** The bytes that a program for the web takes with what it imports. */
async function bundledSize(project: string, contents: string): Promise<number> {
  const { errors, warnings, outputFiles } = await build({
    stdin: { contents, resolveDir: project },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
  });
  assert.deepEqual([...errors, ...warnings], []);
  return outputFiles[0]!.contents.length;
}

/** Bundlers find all that entry points for the web load, and leave out what is not used. */
export async function checkBundles(project: string): Promise<void> {
  const all = await bundledSize(
    project,
    `export * from "@naq/events"; export * as emit from "@naq/events/emit";
     export * as ws from "@naq/events/connect/ws";`,
  );
  const one = await bundledSize(project, `export { JobEvent } from "@naq/events";`);
  assert.ok(one < all / 5, `${one} of ${all} bytes for JobEvent`);
}

/** The types are those of the source, also where nothing but TypeScript is installed. */
export async function checkTypes(project: string): Promise<void> {
  const entries = Object.keys(manifest(project)["exports"]!);
  const lines = entries.map((entry, index) =>
    `import * as entry${index} from "${entry.replace(".", "@naq/events")}";`
  );
  const all = entries.map((_, index) => `entry${index}`).join(", ");
  writeFileSync(
    join(project, "types.ts"),
    `${lines.join("\n")}
import { JobEventLogger, MemoryJobEventStorage } from "@naq/events";
const logger = new JobEventLogger(new MemoryJobEventStorage());
export const isLogged: boolean = logger.logJobEnqueued("job-1", "mail", { priority: 1 });
// @ts-expect-error: an id is a text.
logger.logJobEnqueued(1, "mail");
export const all = [${all}];
`,
  );
  for (const [module, resolution] of [["esnext", "bundler"], ["nodenext", "nodenext"]]) {
    const options = `--strict --noEmit --module ${module} --moduleResolution ${resolution}`;
    const files = ["types.ts", "bun/main.ts"];
    await runTool(project, "typescript", "tsc", ...options.split(" "), ...files);
  }
}
