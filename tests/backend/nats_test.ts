import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { openBackend } from "../../src/backend/mod.ts";
import { connect } from "../../src/connect/mod.ts";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { Worker } from "../../src/worker/mod.ts";
import { runChild } from "../child.ts";
import { eventually } from "../helpers.ts";
import { TestServer, TIMEOUT_MS } from "../nats/accounts.ts";

const skip = natsSkipReason();
const server = new TestServer("current");
// Here, because a first start may take longer than Bun lets a test of the suite take.
if (skip === false) await server.get();

const events = { nats: { stream: { maxBytes: 2 ** 24 } } };

/** The URL of an account of its own. */
async function accountUrl(): Promise<string> {
  await server.connect();
  const { url } = await server.get();
  return url.replace("//", `//u${server.lastAccount}:p@`);
}

/** How many connections there are of a name. */
async function connections(name: string): Promise<number> {
  const answer = await (await server.get()).monitor("/connz");
  const { connections } = answer as { connections: readonly { readonly name?: string }[] };
  return connections.filter((each) => each.name === name).length;
}

describe("openBackend() on NATS", { skip, timeout: TIMEOUT_MS }, () => {
  after(() => server.stop());

  it("executes tasks from a URL to their results and events", { timeout: 30_000 }, async () => {
    const url = await accountUrl();
    const options = { events, connect: { name: "backend-test" } };
    await using backend = await openBackend({ tasks: url, events: url }, options);
    await using worker = new Worker(backend, { double: (args) => 2 * Number(args) });
    worker.start();
    const result = await backend.run({ id: "t", functionName: "double", args: 21 });
    assert.equal(result?.value, 42);
    await worker.stop();
    const health = await backend.healthCheck();
    assert.equal(health.status, "healthy");
    assert.equal(health.events?.status, "healthy");
    assert.equal(await connections("backend-test"), 1);
    const connection = await connect({ servers: url });
    const storage = await NatsJobEventStorage.open(connection);
    assert.deepEqual((await storage.getEvents("t")).map(({ eventType }) => eventType), [
      "enqueued",
      "dequeued",
      "worker_assigned",
      "started",
      "completed",
      "worker_released",
    ]);
    await storage.close();
    await connection.close();
    await backend.close();
    await eventually(async () => await connections("backend-test") === 0);
  });

  it("keeps each part where it is told", { timeout: 30_000 }, async () => {
    const [tasks, results] = [await accountUrl(), await accountUrl()];
    const options = { connect: { name: "apart" }, tasks: { prefix: "shop" } };
    await using backend = await openBackend({ tasks, results, events: "memory:" }, options);
    await using worker = new Worker(backend, { greet: (name) => `Hello, ${name}` });
    worker.start();
    const result = await backend.run({ id: "t", functionName: "greet", args: "you" });
    assert.equal(result?.value, "Hello, you");
    assert.equal(await connections("apart"), 2);
    await using other = await openBackend({ tasks: results }, { tasks: { prefix: "shop" } });
    assert.equal((await other.results.get("t"))?.value, "Hello, you");
    assert.equal(await other.tasks.getTask("t"), null);
    await using elsewhere = await openBackend({ tasks: results });
    assert.equal(await elsewhere.results.get("t"), null);
  });

  it("leaves nothing open when a part cannot be opened", { timeout: 30_000 }, async () => {
    const tasks = await accountUrl();
    const options = { connect: { name: "half" } };
    await assert.rejects(openBackend({ tasks, events: "odd:" }, options), /the events/);
    await eventually(async () => await connections("half") === 0);
  });

  it("has no timers that keep a program running", { timeout: 60_000 }, async () => {
    const script = new URL("./nats_unclosed_child.ts", import.meta.url);
    await using child = runChild(script, await accountUrl());
    assert.equal(await child.ended(50_000), 0, child.errors);
    // The watch of results lasts 5 s longer than its last listener, that of the queue's bands 30 s.
    const [leftMs] = child.lines.map(Number);
    assert.ok(leftMs! < 4000, `it went on for ${leftMs} ms after its connection was closed`);
  });
});
