/** emit, export, import and forward: nothing twice, nothing lost, also after an interruption. */

import assert from "node:assert/strict";
import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { openStorage } from "../../src/open.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import { eventually, temporaryDirectory } from "../helpers.ts";
import { run, start, TIMEOUT_MS } from "./cli.ts";
import { addDeadLetters, fill, GROUP } from "./filled.ts";

const LONG = { timeout: TIMEOUT_MS };
const skip = natsSkipReason();

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let server: NatsServer | undefined;
let streams = 0;

before(async () => {
  directory = await temporaryDirectory();
  if (skip !== false) return;
  server = await startNatsServer();
}, LONG);
after(async () => {
  await server?.stop();
  await directory?.[Symbol.asyncDispose]();
});

/** A storage to itself: how commands name it, and how it is opened here. */
async function fresh(kind: "sqlite" | "nats"): Promise<{
  readonly args: readonly string[];
  open(): Promise<JobEventStorage>;
}> {
  const name = `S${++streams}`;
  if (kind === "sqlite") {
    const url = `sqlite:${join(directory.path, `${name}.sqlite`)}`;
    return { args: ["--storage", url], open: () => openStorage(url) };
  }
  const { url } = server!;
  const open = (): Promise<JobEventStorage> =>
    openStorage(url, {
      subjectPrefix: name,
      nats: { streamName: name, stream: { maxBytes: 2 ** 24, duplicateWindowMs: 100 } },
    });
  // The stream would set more aside than this server may have.
  await (await open()).close();
  return { args: ["--storage", url, "--stream", name, "--subject-prefix", name], open };
}

/** What the events are, but for where they are stored. */
async function contents(storage: JobEventStorage): Promise<unknown[]> {
  const events = await storage.listEvents();
  return events.map(({ natsSubject: _, natsSequence: __, ...event }) => event);
}

async function ok(args: readonly string[], input?: string): Promise<string> {
  const { code, out, err } = await run(args, input === undefined ? {} : { input });
  assert.equal(code, 0, err);
  return out;
}

describe("emit", LONG, () => {
  it("stores an event from its options", LONG, async () => {
    const { args, open } = await fresh("sqlite");
    await ok([
      ...["emit", "job-1", "failed", "--worker", "w", "--error-type", "TypeError"],
      ...["--duration-ms", "12.5", "--tag", "a=b", "--tag", "c=d=e"],
      ...["--detail", 'list=[1,"x"]', "--detail", "text=free", "--metadata", "n=1", ...args],
    ]);
    await using storage = await open();
    const [event] = await storage.getEvents("job-1");
    const { eventType, workerId, errorType, durationMs, tags, details, metadata } = event!;
    assert.deepEqual({ eventType, workerId, errorType, durationMs, tags, details, metadata }, {
      ...{ eventType: "failed", workerId: "w", errorType: "TypeError", durationMs: 12.5 },
      tags: { a: "b", c: "d=e" },
      details: { list: [1, "x"], text: "free" },
      metadata: { n: 1 },
    });
  });

  it("stores the events of standard input, and says which lines are none", LONG, async () => {
    const { args, open } = await fresh("sqlite");
    const lines = [
      '{"jobId":"a","eventType":"enqueued","details":{"at":{"$date":"1970-01-01T00:00:00.000Z"}}}',
      "",
      "nonsense",
      '{"jobId":"b"}',
      '{"jobId":"c","eventType":"cancelled","eventId":"made-anew"}',
    ];
    const input = lines.join("\n");
    const { code, out, err } = await run(["emit", "-", "--format", "json", ...args], { input });
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(out), { stored: 2, refused: 2 });
    assert.match(err, /^Line 3: .*\nLine 4: .*eventType.*\n$/);
    await using storage = await open();
    const [a, c] = await storage.listEvents();
    assert.deepEqual(a?.details, { at: new Date(0) });
    assert.ok(c?.jobId === "c" && c.eventId !== "made-anew");
  });
});

describe("export and import", LONG, () => {
  for (const [form, flags] of [["NDJSON", []], ["raw records", ["--raw"]]] as const) {
    it(
      `carry ${form} from SQLite to NATS and back, each event once`,
      { skip, ...LONG },
      async () => {
        const [from, there, back] = [
          await fresh("sqlite"),
          await fresh("nats"),
          await fresh("sqlite"),
        ];
        await using storage = await from.open();
        const count = await fill(storage);
        const file = join(directory.path, `carried-${flags.length}`);
        await ok(["export", file, ...flags, ...from.args]);
        const first = await ok(["import", file, "--format", "json", ...there.args]);
        assert.deepEqual(JSON.parse(first), {
          read: count,
          stored: count,
          duplicates: 0,
          refused: 0,
        });
        // The stream has long forgotten the ids.
        await new Promise((resolve) => setTimeout(resolve, 200));
        assert.match(
          await ok(["import", file, ...there.args]),
          new RegExp(`^Stored 0 events, ${count} were there already\n$`),
        );
        const piped = await run(["export", ...flags, ...there.args]);
        if (flags.length === 0) {
          assert.equal(piped.err, `Exported ${count} events\n`);
          await ok(["import", ...back.args], piped.out);
        } else {
          await ok(["export", `${file}-2`, ...flags, ...there.args]);
          await ok(["import", `${file}-2`, ...back.args]);
        }
        await using target = await back.open();
        assert.deepEqual(await contents(target), await contents(storage));
      },
    );

    it(`resume an export of ${form} that was cut off`, LONG, async () => {
      const from = await fresh("sqlite");
      await using storage = await from.open();
      await fill(storage);
      const file = join(directory.path, `resumed-${flags.length}`);
      await ok(["export", file, ...flags, ...from.args]);
      const whole = await readFile(file);
      const again = await run(["export", file, ...flags, ...from.args]);
      assert.equal(again.code, 2);
      assert.match(again.err, /is there already: --resume goes on where it ends, --force/);
      await truncate(file, Math.floor((await stat(file)).size * 0.6));
      const part = await run(["import", file, ...(await fresh("sqlite")).args]);
      assert.equal(part.code, 1);
      assert.match(part.err, /^The file ends within an event: its last \d+ bytes are left out\n$/);
      assert.match(await ok(["export", file, "--resume", ...flags, ...from.args]), /^Exported \d /);
      assert.deepEqual(await readFile(file), whole);
      assert.match(await ok(["export", file, "--resume", ...flags, ...from.args]), /^Exported 0 /);
      const other = await fresh("sqlite");
      await ok(["emit", "x", "cancelled", ...other.args]);
      const wrong = await run(["export", file, "--resume", ...flags, ...other.args]);
      assert.equal(wrong.code, 2);
      assert.match(wrong.err, /was not exported from this storage/);
      assert.deepEqual(await readFile(file), whole);
    });
  }

  it("say which line is no event", LONG, async () => {
    const { args, open } = await fresh("sqlite");
    const file = join(directory.path, "broken.ndjson");
    const event = { jobId: "a", eventType: "cancelled", timestamp: 1, eventId: "e-1" };
    await writeFile(file, `${JSON.stringify(event)}\n{"jobId":"b","eventType":"cancelled"}\n`);
    const { code, err } = await run(["import", file, ...args]);
    assert.equal(code, 2);
    assert.match(
      err,
      /^naq-events: Line 2 is no event: it has no eventId; "emit -".* 0 events .* are stored/,
    );
    await using storage = await open();
    assert.equal(await storage.countEvents(), 0);
  });
});

describe("forward", LONG, () => {
  const forwarded = async (kind: "sqlite" | "nats"): Promise<void> => {
    const from = await fresh("sqlite");
    const to = await fresh(kind);
    await using source = await from.open();
    const count = await fill(source);
    const urls = [from.args[1]!, to.args[1]!];
    // One pair of names serves both storages; SQLite passes the stream's over.
    const names = kind === "nats" ? to.args.slice(2) : [];
    const command = ["forward", ...urls, ...names];
    const first = JSON.parse(await ok([...command, "--once", "--format", "json"]));
    assert.deepEqual([first.stored, first.lastSequence], [count, count]);
    {
      await using running = start(command);
      running.child.stdin.end();
      await source.storeEvent(JobEvent.cancelled("later"));
      await using target = await to.open();
      await eventually(async () => await target.countEvents() === count + 1, {
        timeoutMs: 30_000,
        what: "the later event",
      });
      running.interrupt();
      const { code, out, err } = await running.ended;
      assert.equal(code, 130, err);
      assert.match(out, /^Forwarded 1 event, 0 were there already/);
    }
    const last = JSON.parse(await ok([...command, "--once", "--format", "json"]));
    assert.equal(last.stored, 0);
    await using target = await to.open();
    assert.deepEqual(await contents(target), await contents(source));
  };

  it("goes on where it stopped, from file to file", LONG, () => forwarded("sqlite"));
  it(
    "goes on where it stopped, from a file to a server",
    { skip, ...LONG },
    () => forwarded("nats"),
  );

  it("waits for a server that is away", { skip, ...LONG }, async () => {
    const from = await fresh("sqlite");
    await using source = await from.open();
    await using own = await startNatsServer();
    const nats = { stream: { maxBytes: 2 ** 24 } };
    await using target = await openStorage(own.url, { nats });
    await using running = start(["forward", from.args[1]!, own.url]);
    running.child.stdin.end();
    await source.storeEvent(JobEvent.cancelled("first"));
    const has = (count: number) => async () => await target.countEvents() === count;
    await eventually(has(1), { timeoutMs: 30_000, what: "the first event" });
    await own.kill();
    await source.storeEvent(JobEvent.cancelled("second"));
    const says = () => running.printed.err.includes("Waiting:");
    await eventually(says, { timeoutMs: 60_000, what: "a word about the wait" });
    await own.restart();
    await eventually(has(2), { timeoutMs: 60_000, what: "the second event" });
  });
});

describe("deleting", LONG, () => {
  it("delete, cleanup and dead-letters do what they say", LONG, async () => {
    const { args, open } = await fresh("sqlite");
    await using storage = await open();
    const count = await fill(storage);
    await addDeadLetters(storage);
    const replayed = await ok(["dead-letters", "replay", "1", "--format", "json", ...args]);
    assert.deepEqual(JSON.parse(replayed), { replayed: 1 });
    await using deliveries = storage.consumeEvents({ consumerName: GROUP, eventType: "failed" });
    for await (const { event } of deliveries) {
      assert.equal(event.jobId, "job-2");
      break;
    }
    assert.match(
      await ok(["dead-letters", "purge", "--all", ...args]),
      /^Removed 1 dead letter\n$/,
    );
    assert.equal((await run(["dead-letters", "replay", "7", ...args])).code, 3);
    assert.match(await ok(["delete", "job-2", "--erase", ...args]), /^Deleted 7 events\n$/);
    assert.equal(await storage.countEvents(), count - 7);
    assert.match(await ok(["cleanup", "--older-than", "1h", ...args]), /^Deleted 0 events\n$/);
    assert.match(await ok(["cleanup", "--older-than", "0s", ...args]), /^Deleted 5 events\n$/);
  });
});
