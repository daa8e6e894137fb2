/** How commands are called, how they end, and what they look like on a terminal. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { createProgram } from "../../src/cli/program.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { openStorage } from "../../src/open.ts";
import { eventually, temporaryDirectory } from "../helpers.ts";
import { RUN, run, start, TIMEOUT_MS } from "./cli.ts";
import { BEGIN, fill } from "./filled.ts";

const LONG = { timeout: TIMEOUT_MS };
const skip = natsSkipReason();
const ESCAPE = "\u001b";

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let sqlite: string;
let server: NatsServer | undefined;

before(async () => {
  directory = await temporaryDirectory();
  sqlite = `sqlite:${join(directory.path, "events.sqlite")}`;
  await using storage = await openStorage(sqlite);
  await fill(storage);
  if (skip === false) server = await startNatsServer();
}, LONG);
after(async () => {
  await server?.stop();
  await directory?.[Symbol.asyncDispose]();
});

describe("naq-events", LONG, () => {
  it("says in one line what is wrong and what helps, with its exit code", LONG, async () => {
    const missing = `sqlite:${join(directory.path, "missing.sqlite")}`;
    const cases: readonly (readonly [string, number, RegExp])[] = [
      ["lisst", 2, /unknown command 'lisst' \(Did you mean list\?\).* See "naq-events --help"/],
      ["list --nope", 2, /unknown option '--nope'.*See "naq-events list --help"/],
      ["list --limit 0", 2, /--limit .*'0' is invalid. Expected a whole number of at least 1\./],
      ["list --type done", 2, /Expected one of enqueued, /],
      ["list --since yesterday", 2, /Expected how long ago, such as 10m, or a time/],
      ["list --format xml", 2, /Allowed choices are table, json, ndjson/],
      ["history", 2, /missing required argument 'job'.*"naq-events history --help"/],
      [`history ${"x".repeat(300)}`, 2, /255/],
      ["count --storage redis:x", 2, /Cannot open storage "redis:x": use "memory:", "sqlite:/],
      ["emit job-1 done", 2, /There is no event type "done"\. Expected one of enqueued/],
      [`count --storage ${missing}`, 3, /missing\.sqlite: there is no such file\./],
      ["delete nobody", 3, /There are no events of job "nobody"/],
      ["import nothing.ndjson", 3, /nothing\.ndjson/],
      ["count --storage nats://127.0.0.1:1", 4, /connection refused; start nats-server there/],
    ];
    const env = { NAQ_EVENT_STORAGE_URL: sqlite };
    await Promise.all(cases.map(async ([command, code, pattern]) => {
      const result = await run(command.split(" "), { env });
      assert.equal(result.code, code, `${command}: ${result.err}`);
      assert.match(result.err, /^naq-events: [^\n]*\n$/, command);
      assert.match(result.err, pattern);
      assert.equal(result.out, "");
    }));
    assert.ok(!(await readdir(directory.path)).includes("missing.sqlite"));
  });

  it("reads without making a stream; the first event makes it", { skip, ...LONG }, async () => {
    const names = ["--storage", server!.url, "--stream", "NEW", "--subject-prefix", "new"];
    for (const command of ["count", "list", "health", "export"]) {
      const { code, err } = await run([command, ...names]);
      assert.equal(code, 3, err);
      assert.match(err, /^naq-events: Cannot open stream "NEW": there is none on this server\./);
    }
    assert.equal((await run(["doctor", ...names])).code, 1);
    {
      // The stream would set more aside than this server may have.
      const nats = { streamName: "NEW", stream: { maxBytes: 2 ** 20 } };
      await using _ = await openStorage(server!.url, { subjectPrefix: "new", nats });
    }
    const emitted = await run(["emit", "job-1", "enqueued", "--queue", "mail", ...names]);
    assert.equal(emitted.code, 0, emitted.err);
    assert.equal((await run(["count", ...names])).out, "1\n");
  });

  it("has help with an example for every command", () => {
    const host = { out: undefined as never, signal: new AbortController().signal };
    const texts = { out: "", err: "" };
    const program = createProgram({ host, onExit: () => {} }, texts, []);
    const leaves = program.commands
      .flatMap((each) => each.commands.length > 0 ? [...each.commands] : [each])
      .filter((each) => !["completion", "complete"].includes(each.name()));
    assert.ok(leaves.length >= 18, `${leaves.length} commands`);
    for (const command of leaves) {
      texts.out = "";
      command.outputHelp();
      assert.match(texts.out, /\nExamples:\n +# .+\n +naq-events /, command.name());
      assert.match(texts.out, /--storage <url>/, command.name());
    }
  });

  it("prints its help, and without a command what there is", LONG, async () => {
    const help = await run(["--help"]);
    assert.equal(help.code, 0);
    assert.match(help.out, /Exit codes:\n +0 done/);
    const none = await run([]);
    assert.equal(none.code, 2);
    assert.match(none.err, /^Usage: naq-events COMMAND/);
    const one = await run(["history", "--help"]);
    assert.match(one.out, /naq-events history job-1 --format json/);
  });

  it("prints its version, that of deno.json", LONG, async () => {
    const manifest = readFileSync(new URL("../../deno.json", import.meta.url), "utf8");
    const { version } = JSON.parse(manifest) as { readonly version: string };
    for (const flag of ["--version", "-V"]) {
      assert.deepEqual(await run([flag]), { code: 0, out: `${version}\n`, err: "" });
    }
  });

  it("completes words in the shells", LONG, async () => {
    const complete = async (...words: string[]) =>
      (await run(["complete", "--", ...words])).out.split("\n").map((line) => line.split("\t")[0]);
    assert.deepEqual((await complete("hist"))[0], "history");
    assert.ok((await complete("dead-letters", "")).includes("replay"));
    assert.ok((await complete("list", "--")).includes("--storage"));
    assert.ok((await complete("tail", "--type", "")).includes("max_retries_exceeded"));
    assert.deepEqual((await complete("count", "--format", "")).slice(0, 3), [
      ...["table", "json", "ndjson"],
    ]);
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, out } = await run(["completion", shell]);
      assert.equal(code, 0);
      assert.match(out, /naq-events complete --/);
      if (shell !== "bash" || process.platform === "win32") continue;
      const { status, stderr } = spawnSync("bash", ["-n"], { input: out });
      assert.equal(status, 0, String(stderr));
    }
  });

  it("has colours on a terminal only, and none with NO_COLOR", LONG, async (test) => {
    const args = ["history", "job-2", "--storage", sqlite];
    assert.ok(!(await run(args)).out.includes(ESCAPE));
    assert.ok((await run(args, { env: { FORCE_COLOR: "1" } })).out.includes(ESCAPE));
    if (spawnSync("script", ["--version"]).status !== 0) {
      test.diagnostic("there is no `script` to make a terminal");
      return;
    }
    const command = [process.execPath, ...RUN, ...args].map((word) => `'${word}'`).join(" ");
    for (const [env, isColored] of [[{}, true], [{ NO_COLOR: "1" }, false]] as const) {
      const given = { ...process.env, TERM: "xterm", ...env };
      if (isColored) delete given["NO_COLOR"];
      const child = spawn("script", ["-qec", command, "/dev/null"], { env: given });
      let out = "";
      child.stdout.on("data", (data) => out += data);
      assert.deepEqual(await once(child, "close"), [0, null]);
      assert.match(out, /max_retries_exceeded/);
      assert.equal(out.includes(ESCAPE), isColored, JSON.stringify(out));
    }
  });

  it("looks back an hour in a long log, whatever lies before", { skip, ...LONG }, async () => {
    await using storage = await openStorage(server!.url, {
      subjectPrefix: "long",
      nats: { streamName: "LONG", stream: { maxBytes: 2 ** 25 } },
    });
    const events = Array.from({ length: 21_000 }, (_, at) => ({
      ...JobEvent.started(`job-${at % 100}`, "worker-old", "async"),
      timestamp: Date.now() / 1000 - 7200,
    }));
    await storage.storeEvents(events);
    await storage.storeEvent(JobEvent.started("now", "worker-new", "async"));
    const names = ["--storage", server!.url, "--stream", "LONG", "--subject-prefix", "long"];
    const { out, err } = await run(["workers", "--format", "ndjson", ...names]);
    assert.equal(JSON.parse(out).workerId, "worker-new", err);
    const all = await run(["stats", "--since", "all", "--format", "json", ...names]);
    assert.equal(JSON.parse(all.out).events, 21_001);
  });

  it("takes a closed pipe for an end, and not for an error", LONG, async () => {
    const url = `sqlite:${join(directory.path, "many.sqlite")}`;
    {
      await using storage = await openStorage(url);
      const events = Array.from(
        { length: 5000 },
        (_, at) => JobEvent.enqueued(`job-${at}`, "mail"),
      );
      await storage.storeEvents(events);
    }
    await using running = start(["export", "--storage", url]);
    running.child.stdin.end();
    await eventually(() => running.printed.out.length > 0, { timeoutMs: 30_000, what: "output" });
    running.child.stdout.destroy();
    const [code] = await once(running.child, "exit");
    assert.equal(code, 0);
    assert.doesNotMatch(running.printed.err, /EPIPE|Error|at /);
  });
});

describe("tail", LONG, () => {
  const live = async (url: string): Promise<void> => {
    await using storage = await openStorage(url, { nats: { stream: { maxBytes: 2 ** 26 } } });
    if (await storage.countEvents() === 0) await fill(storage);
    await using running = start([
      ...["tail", "--storage", url, "--from", "10", "--worker", "worker-1"],
    ]);
    running.child.stdin.end();
    const shows = (text: string) => () => running.printed.out.includes(text);
    await eventually(shows("job-3"), { timeoutMs: 30_000, what: "what was stored before" });
    await storage.storeEvent({ ...JobEvent.started("other", "worker-2", "a"), timestamp: BEGIN });
    await storage.storeEvent(JobEvent.completed("job-3", "worker-1", 5));
    await eventually(shows("completed"), { timeoutMs: 30_000, what: "what comes now" });
    assert.ok(!running.printed.out.includes("other"));
    running.interrupt();
    const { code, err } = await running.ended;
    assert.equal(code, 130, err);
    assert.equal(err, "");
  };

  it("follows a SQLite file until Ctrl-C", LONG, () => live(sqlite));
  it("follows a stream until Ctrl-C", { skip, ...LONG }, () => live(server!.url));

  it("says that the server is away, and goes on when it is back", { skip, ...LONG }, async () => {
    await using own = await startNatsServer();
    await using storage = await openStorage(own.url, { nats: { stream: { maxBytes: 2 ** 26 } } });
    await using running = start(["tail", "--storage", own.url, "--from", "all"]);
    running.child.stdin.end();
    await storage.storeEvent(JobEvent.cancelled("first"));
    const { printed } = running;
    await eventually(() => printed.out.includes("first"), { timeoutMs: 30_000, what: "first" });
    await own.kill();
    await eventually(() => printed.err.includes("Waiting for the storage"), { timeoutMs: 30_000 });
    await own.restart();
    await eventually(() => printed.err.includes("Back"), { timeoutMs: 30_000, what: printed.err });
    await storage.storeEvent(JobEvent.cancelled("second"));
    await eventually(() => printed.out.includes("second"), { timeoutMs: 30_000, what: "second" });
  });
});
