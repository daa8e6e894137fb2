import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { runChild } from "../child.ts";
import { eventually, temporaryDirectory } from "../helpers.ts";

const script = new URL("./exit_child.ts", import.meta.url);

/** How a program ended, and what it left. */
interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly jobs: readonly string[];
  readonly lines: readonly string[];
  readonly errors: string;
}

/** The lines of the end's report: their numbers of events. */
function reported(errors: string): string[] {
  return [...errors.matchAll(/\[naq\/events\] The program ended with (\d+) event/g)]
    .map(([, count]) => count!);
}

describe("a program that forgot to stop its loggers", () => {
  it("ends all the same, and says once how many events it took along", async () => {
    const started = performance.now();
    await using child = runChild(script, "forgot");
    assert.equal(await child.ended(), 0);
    assert.deepEqual(reported(child.errors), ["3"]);
    assert.match(child.errors, /await logger\.stop\(\).*flushOnExit/s);
    // The timer of the interval takes 5 s and holds nobody up.
    assert(performance.now() - started < 4500);
  });

  it("is told of the events that were not delivered only", async () => {
    await using child = runChild(script, "forgotOne");
    assert.equal(await child.ended(), 0);
    assert.deepEqual(reported(child.errors), ["1"]);
  });

  it("is told nothing when there is nothing to tell", async () => {
    await using child = runChild(script, "stopped");
    assert.equal(await child.ended(), 0);
    assert.equal(child.errors, "");
  });

  it("is told also when it ends in the middle", async () => {
    await using child = runChild(script, "exit");
    assert.equal(await child.ended(), 5);
    assert.deepEqual(reported(child.errors), ["1"]);
  });

  it("has one listener, however many loggers there are", async () => {
    await using child = runChild(script, "many");
    assert.equal(await child.ended(), 0);
    assert.deepEqual(reported(child.errors), ["30"]);
    assert.doesNotMatch(child.errors, /MaxListeners/);
  });
});

describe("JobEventLogger.ready()", () => {
  it("keeps the program running until there is room, and no longer", async () => {
    await using child = runChild(script, "ready");
    assert.equal(await child.ended(), 0, child.errors);
    assert.deepEqual(child.lines, ["a b c"]);
  });
});

describe("JobEventLogger.flushOnExit()", () => {
  /** Runs a program until it has ended, by a signal or by itself; gives the jobs that it stored. */
  async function run(role: string, signal?: "SIGTERM" | "SIGINT"): Promise<Ended> {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "events.sqlite");
    await using child = runChild(script, role, path);
    if (signal !== undefined) {
      await eventually(() => child.lines.includes("ready"), { what: child.errors });
      child.signal(signal);
    }
    const code = await child.ended();
    await using storage = await SqliteJobEventStorage.open(path);
    const jobs = (await storage.listEvents()).map(({ jobId }) => jobId);
    return { code, signal: child.endedBy, jobs, lines: child.lines, errors: child.errors };
  }

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`delivers all that all loggers have on ${signal}, and ends by it`, async () => {
      const ended = await run("signal", signal);
      assert.equal(ended.jobs.length, 251);
      assert.equal(ended.signal, signal, ended.errors);
      assert.equal(ended.errors, "");
    });
  }

  it("leaves the end to an owner who listens too, and what is logged until then", async () => {
    const ended = await run("ownListener", "SIGTERM");
    assert.equal(ended.code, 7);
    assert.deepEqual(ended.lines, ["ready", "mine"]);
    assert.deepEqual(ended.jobs, ["before", "after"]);
  });

  it("can be undone", async () => {
    const ended = await run("undone", "SIGTERM");
    assert.equal(ended.signal, "SIGTERM");
    assert.deepEqual(ended.jobs, []);
  });

  it("delivers when the program comes to its end", async () => {
    const ended = await run("end");
    assert.equal(ended.code, 0);
    assert.equal(ended.jobs.length, 250);
    assert.equal(ended.errors, "");
  });

  it("gives a file its batch even when the program ends in the middle", async () => {
    const ended = await run("exitNow");
    assert.equal(ended.code, 5);
    assert.deepEqual(ended.jobs, ["a"]);
  });

  it("does not keep a program running that cannot deliver", async () => {
    const ended = await run("outage");
    assert.equal(ended.code, 0);
    assert.deepEqual(reported(ended.errors), ["1"]);
  });
});
