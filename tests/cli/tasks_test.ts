/** The commands for tasks and results. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { openBackend } from "../../src/backend/mod.ts";
import { openStorage } from "../../src/open.ts";
import { run, TIMEOUT_MS } from "./cli.ts";
import { compare, type Transcript } from "./golden.ts";

const LONG = { timeout: TIMEOUT_MS };
const skip = natsSkipReason();

function mask(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d\.\d{3}/g, "YYYY-MM-DD$1HH:MM:SS.mmm")
    .replace(/in \d+ m \d+ s/, "in MM m SS s")
    .replace(/nats:\/\/[\w.:]+/g, "nats://HOST");
}

describe("tasks and results", { skip, ...LONG }, () => {
  let server: NatsServer;
  before(async () => {
    server = await startNatsServer();
  }, LONG);
  after(() => server?.stop());

  it("print what golden/tasks.txt has, and log what they do", LONG, async () => {
    const env = { NAQ_EVENT_STORAGE_URL: server.url };
    const transcripts: Transcript[] = [];
    const told = async (...args: string[]): Promise<void> => {
      transcripts.push({ args, result: await run(args, { env }) });
    };
    await told("tasks", "list");
    await told("results", "get", "task-1");
    {
      // The stream of the events: what is done to tasks is logged where it is.
      await using _ = await openStorage(server.url, { nats: { stream: { maxBytes: 2 ** 24 } } });
    }
    await told(
      ...["tasks", "enqueue", "send", '{"to":"a","when":{"$date":"2026-01-05T12:00:00.000Z"}}'],
      ...["--id", "task-1", "--queue", "mail", "--priority", "-3", "--tag", "customer=7"],
      ...["--ttl", "1d", "--timeout", "30s", "--max-retries", "0"],
    );
    await told("tasks", "enqueue", "report", "--id", "task-2", "--delay", "1h");
    await told("tasks", "enqueue", "send", "--id", "task-3", "--queue", "mail");
    await told("tasks", "list");
    await told("tasks", "show", "task-1");
    await told("tasks", "show", "nobody");
    await told("tasks", "cancel", "task-3", "nobody", "--reason", "wrong address");
    await told("results", "get", "task-3", "--format", "json");
    await failFirst(server.url);
    await told("results", "wait", "task-1", "--timeout", "30s");
    await told("results", "wait", "task-2", "--timeout", "100ms");
    await told("tasks", "list", "--state", "failed", "--format", "ndjson");
    await told("tasks", "requeue", "task-1");
    await told("tasks", "purge", "mail", "--format", "json");
    await told("tasks", "list", "--queue", "mail", "--state", "pending");
    compare("tasks", transcripts, mask);

    await using storage = await openStorage(server.url);
    const types = async (id: string) =>
      (await storage.getEvents(id)).map(({ eventType }) => eventType);
    assert.deepEqual(await types("task-3"), ["enqueued", "cancelled"]);
    assert.deepEqual(await types("task-1"), ["enqueued", "enqueued"]);
  });
});

/** Does what a worker does with the first task of the queue. */
async function failFirst(url: string): Promise<void> {
  await using backend = await openBackend({ tasks: url });
  const task = await backend.tasks.dequeue("mail", { timeoutMs: 20_000, workerId: "worker-1" });
  assert.equal(task?.id, "task-1");
  assert.deepEqual(task.args, { to: "a", when: new Date("2026-01-05T12:00:00.000Z") });
  const error = new RangeError("no such address");
  await backend.results.set({
    id: "task-1",
    state: "failed",
    error: { name: "RangeError", message: "no such address" },
    queue: "mail",
    attempts: 1,
    durationMs: 12.5,
  });
  assert.equal(await backend.tasks.fail(task, error), "failed");
}

describe("tasks", () => {
  it("are on a server", LONG, async () => {
    const { code, err } = await run(["tasks", "list", "--storage", "sqlite:events.sqlite"]);
    assert.equal(code, 2);
    assert.match(err, /Tasks are on a server: name it with --tasks nats:\/\/HOST/);
  });
});
