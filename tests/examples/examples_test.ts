/** The examples run as their users run them: each in a process of its own. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { openStorage } from "../../src/open.ts";
import { eventually, temporaryDirectory } from "../helpers.ts";

const EXAMPLES = ["complete_usage", "job_monitoring", "analytics_dashboard"];
const LONG = { timeout: 60_000 };

interface Running {
  readonly child: ChildProcess;
  readonly output: { out: string; err: string };
  readonly ended: Promise<number | null>;
}

function start(name: string, ...args: string[]): Running {
  const file = fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url));
  const first = "deno" in process.versions ? ["run", "-A", "--quiet"] : [];
  const child = spawn(process.execPath, [...first, file, ...args], {
    env: { ...process.env, NO_COLOR: "1" },
  });
  const output = { out: "", err: "" };
  child.stdout.on("data", (data) => output.out += data);
  child.stderr.on("data", (data) => output.err += data);
  return { child, output, ended: once(child, "close").then(([code]) => code) };
}

/** Ctrl-C. Deno tells of no exit code after `child.kill()`, so the signal comes from outside. */
function interrupt(child: ChildProcess): void {
  process.kill(child.pid!, "SIGINT");
}

async function run(name: string, ...args: string[]): Promise<string> {
  const { output, ended } = start(name, ...args);
  assert.equal(await ended, 0, output.err);
  assert.equal(output.err, "");
  return output.out;
}

describe("examples", LONG, () => {
  it("say how they are used, and in one line what is wrong", LONG, async () => {
    for (const name of EXAMPLES) {
      assert.match(await run(name, "--help"), new RegExp(`Usage: ${name}\\.ts .*--storage URL`));
      for (const args of [["--nonsense"], ["--storage", "redis:x"]]) {
        const { output, ended } = start(name, ...args);
        assert.equal(await ended, 1);
        assert.match(output.err, /(--nonsense|redis:x)/);
        assert.doesNotMatch(output.err, /\n *at /);
      }
    }
  });

  it("complete_usage: history, billing by a group, a dead letter", LONG, async () => {
    await using directory = await temporaryDirectory();
    const url = `sqlite:${join(directory.path, "events.sqlite")}`;
    for (const completed of [3, 6]) {
      const out = await run("complete_usage", "--storage", url);
      assert.match(out, /billed usage-\w+-report\.txt: 130000 bytes/);
      assert.match(out, /The last job ended: Job completed successfully in/);
      assert.match(out, /enqueued [^]*retry_scheduled [^]*max_retries_exceeded /);
      assert.match(out, /Dead letter: usage-\w+-empty\.txt: RangeError: an empty file/);
      assert.match(out, /\n1 dead letters purged\n$/);
      await using storage = await openStorage(url);
      assert.equal(await storage.countEvents({ eventType: "completed" }), completed);
      assert.deepEqual(await storage.deadLetters.list(), []);
    }
  });

  it("job_monitoring: one process watches what another one runs", LONG, async () => {
    await using directory = await temporaryDirectory();
    const url = `sqlite:${join(directory.path, "events.sqlite")}`;
    const watcher = start("job_monitoring", "--storage", url, "--jobs", "0");
    try {
      await eventually(() => watcher.output.out.includes("Ctrl-C"), {
        timeoutMs: 20_000,
        what: watcher.output.err,
      });
      const out = await run("job_monitoring", "--storage", url, "--jobs", "12", "--slow", "0");
      assert.match(out, /ALARM watch-\w+-8 failed: Error: ENOENT/);
      assert.match(out, /ALARM watch-\w+-1 took \d+ ms/);
      assert.match(out, /\n12 jobs, 1 failed for good\n/);
      assert.match(out, /The steps of watch-\w+-1: enqueued, started, completed\n$/);
      await using storage = await openStorage(url);
      const lines = (): number => watcher.output.out.match(/^\d\d:\d\d/gm)?.length ?? 0;
      const stored = await storage.countEvents();
      await eventually(() => lines() === stored, { what: `${lines()} of ${stored} lines` });
      interrupt(watcher.child);
      assert.equal(await watcher.ended, 130, watcher.output.err);
    } finally {
      watcher.child.kill("SIGKILL");
    }
  });

  it("analytics_dashboard: the numbers of this run, and of those before", LONG, async () => {
    await using directory = await temporaryDirectory();
    const url = `sqlite:${join(directory.path, "events.sqlite")}`;
    const first = await run("analytics_dashboard", "--storage", url, "--jobs", "12");
    assert.match(first, /^40 events; a second/);
    assert.match(first, /Jobs: 13 started, 11 completed, 2 failed, 0 running/);
    assert.match(first, /\ncompress +5 +0 +3 +2 +1 /);
    assert.match(first, /\nworker-1 /);
    assert.match(first, /Errors: Error 2\n$/);
    const again = await run(
      "analytics_dashboard",
      ...["--storage", url, "--jobs", "12", "--prometheus"],
    );
    assert.match(again, /Jobs: 26 started, 22 completed, 4 failed/);
    assert.match(again, /\nnaq_job_runs_total\{outcome="completed"\} 22\n/);
  });

  it("end cleanly at Ctrl-C: what waits is cancelled and stored", LONG, async () => {
    await using directory = await temporaryDirectory();
    const url = `sqlite:${join(directory.path, "events.sqlite")}`;
    const { child, output, ended } = start(
      "analytics_dashboard",
      ...["--storage", url, "--jobs", "9000"],
    );
    await using storage = await openStorage(url);
    await eventually(() => storage.countEvents({ eventType: "completed" }).then((n) => n > 0), {
      timeoutMs: 20_000,
      what: output.err,
    });
    interrupt(child);
    assert.equal(await ended, 130, output.err);
    assert.match(output.out, /Jobs: \d+ started/);
    const over = ["completed", "cancelled", "max_retries_exceeded"] as const;
    assert.ok(await storage.countEvents({ eventType: "cancelled" }) > 0);
    assert.equal(await storage.countEvents({ eventType: over }), 9000);
  });
});
