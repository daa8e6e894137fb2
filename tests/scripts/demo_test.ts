import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { openBackend } from "../../src/backend/mod.ts";
import { interruption } from "../../scripts/demo/report.ts";
import { openStorage } from "../../src/open.ts";
import { temporaryDirectory } from "../helpers.ts";

const DEMO = fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url));

const skip = natsSkipReason();

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the demo as its users do; `onOutput` sees what it has printed so far. */
async function demo(
  args: readonly string[],
  onOutput?: (out: string, pid: number) => void,
): Promise<Result> {
  const first = "deno" in process.versions ? ["run", "-A", DEMO] : [DEMO];
  const child = spawn(process.execPath, [...first, ...args]);
  let out = "";
  let err = "";
  child.stdout.on("data", (data) => {
    out += data;
    onOutput?.(out, child.pid!);
  });
  child.stderr.on("data", (data) => err += data);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, out, err };
}

/** Files of each kind, one of them broken. */
async function makeFiles(directory: string): Promise<void> {
  await mkdir(join(directory, "below"));
  await writeFile(join(directory, "text.txt"), "hello\n".repeat(1000));
  await writeFile(join(directory, "empty.bin"), "");
  await writeFile(join(directory, "below", "good.json"), '{"a":1}');
  await writeFile(join(directory, "below", "lines.ndjson"), '{"a":1}\n{"b":2}\n');
  await writeFile(join(directory, "below", "bad.json"), "{oops");
}

function eventsSaid(out: string): number {
  return Number(/([\d,]+) events in sqlite:/.exec(out)?.[1]?.replaceAll(",", ""));
}

describe("demo", { timeout: 60_000 }, () => {
  it("runs the jobs, tells of a failed one, and counts what the file has", async () => {
    await using directory = await temporaryDirectory();
    const files = join(directory.path, "files");
    await mkdir(files);
    await makeFiles(files);
    const url = `sqlite:${join(directory.path, "events.sqlite")}`;
    const { code, out, err } = await demo([files, "--storage", url]);
    assert.equal(code, 0, err);
    assert.match(out, /5 files below/);
    assert.match(out, /Timeline of job run-\w+-parse-\d+ \(below.bad\.json\)/);
    assert.match(out, /failed .*SyntaxError/);
    assert.match(out, /Job failed for good after 2 retries/);
    // 13 jobs of 6 events each, and 13 more for the two retries of the broken file.
    assert.match(out, /13 jobs, 91 events in .*events\/s/);
    assert.match(out, /\nparse +5 +2 +3 +2 /);
    assert.match(out, /\nworker-1 /);
    {
      await using storage = await openStorage(url);
      assert.equal(await storage.countEvents(), eventsSaid(out));
      assert.equal(await storage.countEvents({ eventType: "completed" }), 12);
      const [failed] = await storage.getEventsByType("failed");
      assert.equal(failed?.errorType, "SyntaxError");
      assert.ok(failed!.durationMs! > 0 && failed!.cpuTimeMs !== undefined);
    }
    const again = await demo([files, "--storage", url]);
    assert.equal(eventsSaid(again.out), 182);
    const job = /--job (\S+)/.exec(again.out)![1]!;
    for (const command of [`history ${job}`, "dashboard"]) {
      assert.ok(again.out.includes(`deno task cli ${command} --storage ${url}\n`), command);
    }
    const timeline = await demo(["--job", job, "--storage", url]);
    assert.equal(timeline.code, 0);
    assert.match(timeline.out, /enqueued[^]*max_retries_exceeded/);
  });

  it("runs on a server: its tasks, results and events are there", { skip }, async () => {
    await using directory = await temporaryDirectory();
    await makeFiles(directory.path);
    await using server = await startNatsServer();
    const { url } = server;
    const { code, out, err } = await demo([directory.path, "--tasks", url, "--storage", url]);
    assert.equal(code, 0, err);
    assert.match(out, /13 jobs, 91 events in /);
    await using storage = await openStorage(url);
    assert.equal(await storage.countEvents({ eventType: "completed" }), 12);
    await using backend = await openBackend({ tasks: url });
    assert.equal(await backend.tasks.countTasks({ state: "completed" }), 12);
    assert.equal(await backend.results.count({ state: "failed" }), 1);
  });

  it("makes no file to look for a job in", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "missing.sqlite");
    const { code, err } = await demo(["--job", "job-1", "--storage", `sqlite:${path}`]);
    assert.equal(code, 1);
    assert.equal(err, `There is no file ${path}\n`);
    assert.deepEqual(await readdir(directory.path), []);
  });

  it("says after an interrupt whether every event is stored", () => {
    assert.match(interruption(0), /every event is stored\.$/);
    assert.match(interruption(1200), /and 1,200 events could not be stored\.$/);
  });

  it("says in one line what is wrong with a directory or an argument", async () => {
    await using directory = await temporaryDirectory();
    const missing = join(directory.path, "missing");
    for (
      const [args, code, pattern] of [
        [[directory.path], 1, /^There are no files below/],
        [[missing], 1, /^Cannot read .*missing: there is no such directory\n$/],
        [[DEMO], 1, /^Cannot read .*: it is not a directory\n$/],
        [["--workers", "0"], 2, /^--workers is "0", expected a whole number from 1 to 256\n/],
        [["--nonsense"], 2, /--nonsense[^]*See `deno task demo --help`/],
        [[".", "--storage", "redis:x"], 1, /^Cannot open storage "redis:x"/],
        [["--job", "nobody", "--storage", "memory:"], 1, /^There are no events of job nobody/],
      ] as const
    ) {
      const result = await demo(args);
      assert.equal(result.code, code, result.err);
      assert.match(result.err, pattern);
    }
    assert.match((await demo(["--help"])).out, /Usage: deno task demo/);
  });

  it("ends cleanly at Ctrl-C: what waited is cancelled, and everything is stored", async () => {
    await using directory = await temporaryDirectory();
    const files = join(directory.path, "files");
    await mkdir(files);
    const bytes = new Uint8Array(200_000).map((_, index) => index * 7919 >>> 3);
    for (let n = 0; n < 300; n++) await writeFile(join(files, `${n}.bin`), bytes);
    const url = `sqlite:${join(directory.path, "events.sqlite")}`;
    let interrupted = false;
    const { code, out, err } = await demo([files, "--storage", url, "--workers", "1"], (_, pid) => {
      if (!interrupted) process.kill(pid, "SIGINT");
      interrupted = true;
    });
    assert.equal(code, 130, err);
    assert.match(out, /Interrupted: jobs that waited were cancelled, and every event is stored/);
    await using storage = await openStorage(url);
    assert.equal(await storage.countEvents(), eventsSaid(out));
    const enqueued = await storage.countEvents({ eventType: "enqueued" });
    const ended = await storage.countEvents({ eventType: ["completed", "cancelled"] });
    assert.equal(enqueued, 600);
    assert.equal(ended, 600);
    assert.ok(await storage.countEvents({ eventType: "cancelled" }) > 0);
  });
});
