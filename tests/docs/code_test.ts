/**
 * The code in the documents runs as it stands: programs in the README, and the examples in comments
 * that `deno test --doc` leaves out, for they want a server at its usual address.
 */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { run } from "../../scripts/nats/run.ts";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { currentRuntime, ROOT } from "../../scripts/runtimes.ts";
import { openStorage } from "../../src/open.ts";
import { temporaryDirectory } from "../helpers.ts";

const LONG = { timeout: 120_000 };

/** Programs of `tests/consumers`, which are run there, and stand in the README as they are. */
const CONSUMERS = [
  "bun/main.ts",
  "deno/main.ts",
  "deno_deploy/main.ts",
  "lambda/handler.js",
  "node/main.js",
  "vercel/api/jobs.js",
  "workerd/main.ts",
];

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

const programs = CONSUMERS.map((path) => read(`tests/consumers/${path}`));

/** Code with the place where it stands. */
type Block = readonly [place: string, code: string];

/** The blocks of code whose fence has such words. */
function blocks(path: string, text: string, words: string): Block[] {
  const fences = text.matchAll(new RegExp(`^\`\`\`(?:${words})\\n([^]*?)^\`\`\`$`, "gm"));
  return [...fences].map(({ 1: code, index }) => {
    return [`${path}:${text.slice(0, index).split("\n").length + 1}`, code!];
  });
}

const readme = blocks("README.md", read("README.md"), "ts|js|js ignore");
const comments = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => `src/${name.replaceAll("\\", "/")}`)
  .flatMap((path) => blocks(path, read(path).replaceAll(/^ *\* ?/gm, ""), "ts ignore"));

/** Runs a program in a project of its own and waits for its end. */
async function runProgram(code: string, server: NatsServer): Promise<void> {
  await using directory = await temporaryDirectory();
  const scope = join(directory.path, "node_modules/@naq");
  mkdirSync(scope, { recursive: true });
  symlinkSync(ROOT, join(scope, "events"), "dir");
  const manifest = { type: "module", dependencies: { "@naq/events": "*" } };
  writeFileSync(join(directory.path, "package.json"), JSON.stringify(manifest));
  const program = code
    .replaceAll(/nats:\/\/localhost:422\d/g, server.url)
    .replaceAll("ws://localhost:8080", server.wsUrl!);
  writeFileSync(join(directory.path, "main.ts"), program);
  const flags = currentRuntime() === "deno" ? ["run", "-A", "--quiet"] : [];
  await run(process.execPath, [...flags, "main.ts"], { cwd: directory.path });
}

/** A server with the stream that programs which only emit find there. */
async function startServer(): Promise<NatsServer> {
  const server = await startNatsServer({ websocket: true, maxFileStoreBytes: 64 * 1024 ** 3 });
  await (await openStorage(server.url)).close();
  return server;
}

describe("README.md", () => {
  for (const [index, path] of CONSUMERS.entries()) {
    it(`has tests/consumers/${path} as it is`, () => {
      assert.ok(readme.some(([, code]) => code === programs[index]));
    });
  }
});

describe("code in documents", { skip: natsSkipReason(), ...LONG }, () => {
  let server: Promise<NatsServer> | undefined;
  after(async () => await (await server)?.stop());
  for (const [place, code] of [...readme, ...comments]) {
    if (programs.includes(code)) continue;
    it(`${place} runs to its end`, LONG, async () => {
      await runProgram(code, await (server ??= startServer()));
    });
  }
});
