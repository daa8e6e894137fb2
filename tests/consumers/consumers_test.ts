/** Small projects as users have them, each with the package as it is published. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { run, which } from "../../scripts/nats/run.ts";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { installPacked } from "../../scripts/npm_install.ts";
import { currentRuntime, ROOT } from "../../scripts/runtimes.ts";
import { openStorage } from "../../src/open.ts";
import { temporaryDirectory } from "../helpers.ts";
import { checkBundles, checkContent, checkManifest, checkTypes } from "./package.ts";

const HERE = fileURLToPath(new URL("./", import.meta.url));

/** A first start may install the server, and a registry may be slow. */
const LONG = { timeout: 180_000 };

/** Why projects that use npm are not tried, if so. */
function skipReason(): string | false {
  if (natsSkipReason() || which("npm") !== undefined) return natsSkipReason();
  console.warn("WARNING: npm is not on the PATH, what it installs is not tried: SKIPPED");
  return "npm is not on the PATH";
}

/** What each project stores and reads. */
const LIFE = [
  "Job enqueued to 'mail' with priority 0",
  "Job started on async worker worker-1",
  "Job completed successfully in 12.30ms",
];

/** A server with room for a stream of the default size. */
function startServer(): Promise<NatsServer> {
  return startNatsServer({ websocket: true, maxFileStoreBytes: 64 * 1024 ** 3 });
}

interface Started {
  /** The project's directory. */
  readonly directory: string;
  readonly server: NatsServer;
}

/** Runs this runtime in a project and gives the lines that it prints. */
async function output({ directory, server }: Started, ...args: string[]): Promise<string[]> {
  const env = { ...process.env, NAQ_NATS_URL: server.url };
  return (await run(process.execPath, args, { cwd: directory, env })).trim().split("\n");
}

/** The ids of the jobs that a server has events of. */
async function storedJobs(server: NatsServer): Promise<string[]> {
  await using storage = await openStorage(server.url);
  return (await storage.listEvents()).map(({ jobId }) => jobId);
}

/** The files that `deno publish` would publish. */
function publishedFiles(): string[] {
  const args = ["publish", "--dry-run", "--allow-dirty", "--no-check"];
  const env = { ...process.env, NO_COLOR: "1" };
  const { stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: "utf8" });
  return [...stderr.matchAll(/^ +(file:.*) \(.*\)$/gm)]
    .map(([, url]) => relative(ROOT, fileURLToPath(url!)));
}

/** What this project pins for registries that lack a file of a dependency. */
function overrides(): string {
  const { overrides } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return JSON.stringify({ private: true, overrides });
}

/** The names of the exports. */
function entries(): string[] {
  return Object.keys(JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")).exports);
}

/** A Deno project that has the package as JSR would give it, and a program of those here. */
async function makeDenoProject(program: string): ReturnType<typeof temporaryDirectory> {
  const directory = await temporaryDirectory();
  const project = directory.path;
  cpSync(join(HERE, "deno/deno.json"), join(project, "deno.json"));
  cpSync(join(HERE, program), join(project, program));
  writeFileSync(join(project, "package.json"), overrides());
  for (const file of publishedFiles()) {
    cpSync(join(ROOT, file), join(project, "naq-events", file));
  }
  return directory;
}

function denoTests(): void {
  const command = ["run", "--quiet", "--node-modules-dir=none"];

  it("a project with the package of JSR", LONG, async () => {
    await using directory = await makeDenoProject("deno/main.ts");
    await using server = await startServer();
    const started = { directory: directory.path, server };
    const args = [...command, "--check", "--allow-env", "--allow-net", "deno/main.ts"];
    assert.deepEqual(await output(started, ...args), LIFE);
  });

  it("every entry point", LONG, async () => {
    await using directory = await makeDenoProject("every_entry/main.js");
    await using server = await startServer();
    const started = { directory: directory.path, server };
    await runEveryEntry(started, ...command, "-A", "every_entry/main.js");
  });

  it("publishes what users need and nothing else", () => {
    const files = publishedFiles();
    const needed =
      /^(mod\.ts|src\/.*\.(ts|html|css|js)|schema\/.*\.proto|deno\.json|[A-Z]+(\.md)?)$/;
    assert.ok(files.includes("deno.json") && files.includes("mod.ts"));
    assert.deepEqual(files.filter((file) => !needed.test(file)), []);
  });
}

type Test = (project: string, tarball: string) => Promise<void>;

const TESTS: Record<string, Record<string, Test>> = {
  bun: {
    "a script": (project) => runLife(project, "bun", "main.ts"),
    "every entry point": runInstalled,
  },
  node: {
    "a module": (project) => runLife(project, "node", "main.js"),
    "CommonJS, by import()": (project) => runLife(project, "node_cjs", "main.js"),
    "AWS Lambda": (project) => runFunction(project, "lambda"),
    "Vercel": (project) => runFunction(project, "vercel"),
    "every entry point": runInstalled,
    "files and commands": checkContent,
    "publint and attw": checkManifest,
    "bundles for the web": checkBundles,
    "types for bundlers and for Node": checkTypes,
  },
};

async function runLife(project: string, name: string, file: string): Promise<void> {
  await using server = await startServer();
  assert.deepEqual(await output({ directory: join(project, name), server }, file), LIFE);
}

/** Functions that only emit: the stream is there before. */
async function runFunction(project: string, name: string): Promise<void> {
  await using server = await startServer();
  await (await openStorage(server.url)).close();
  const started = { directory: join(project, name), server };
  assert.deepEqual(await output(started, "invoke.js"), ["202", "400", "202"]);
  assert.deepEqual(await storedJobs(server), ["job-1", "job-2"]);
}

async function runEveryEntry(started: Started, ...command: string[]): Promise<void> {
  const { server } = started;
  const [line] = await output(started, ...command, server.url, server.wsUrl!, ...entries());
  assert.equal(line, `${entries().length} entry points`);
}

async function runInstalled(project: string): Promise<void> {
  await using server = await startServer();
  await runEveryEntry({ directory: join(project, "every_entry"), server }, "main.js");
}

function npmTests(): void {
  let installed: ReturnType<typeof installProjects> | undefined;
  after(async () => await (await installed)?.[Symbol.asyncDispose]());
  for (const [name, test] of Object.entries(TESTS[currentRuntime()]!)) {
    it(name, LONG, async () => {
      // Not before all tests: Bun allows 5 seconds there, whatever the options say.
      const { path, tarball } = await (installed ??= installProjects());
      await test(path, tarball);
    });
  }
}

/** All projects in a directory that has the package and what they want beside it installed. */
async function installProjects(): Promise<
  AsyncDisposable & { readonly path: string; readonly tarball: string }
> {
  const directory = await temporaryDirectory();
  const { dependencies } = JSON.parse(readFileSync(join(HERE, "vercel/package.json"), "utf8"));
  const others = Object.entries(dependencies).map(([name, version]) => `${name}@${version}`);
  const tarball = await installPacked(directory.path, others);
  cpSync(HERE, directory.path, { recursive: true });
  return { ...directory, tarball };
}

if (currentRuntime() === "deno") describe("Deno", { skip: natsSkipReason() }, denoTests);
else describe(`npm, run by ${currentRuntime()}`, { skip: skipReason() }, npmTests);
