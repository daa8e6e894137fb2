/** The examples for Cloudflare Workers, in workerd. `deno task edge` sends more requests. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { freePorts } from "../../scripts/nats/ports.ts";
import { natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { findFaults, post, postMany } from "../../scripts/workerd/load.ts";
import {
  EXAMPLES,
  openSurroundings,
  type Surroundings,
} from "../../scripts/workerd/surroundings.ts";
import {
  type Bundle,
  bundleWorker,
  type RunningWorker,
  startWorker,
} from "../../scripts/workerd/worker.ts";
import { connect } from "../../src/connect/ws.ts";
import { openStorage } from "../../src/open.ts";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { runChild } from "../child.ts";
import { clients, makeUser } from "../connect/servers.ts";
import { eventually, take, temporaryDirectory } from "../helpers.ts";

const skip = natsSkipReason();
const TIMEOUT_MS = 120_000;
const REQUESTS = 100;

describe("A Cloudflare Worker", { skip, timeout: TIMEOUT_MS }, () => {
  let around: Surroundings;
  let worker: RunningWorker;
  let shared: RunningWorker;

  before(async () => {
    around = await openSurroundings();
    [worker, shared] = await Promise.all([
      around.start("cloudflare_worker"),
      around.start("cloudflare_durable_object"),
    ]) as [RunningWorker, RunningWorker];
  }, { timeout: TIMEOUT_MS });
  after(() => around?.[Symbol.asyncDispose]());

  it("stores each event of many requests once, whether its answers wait or not", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const load = { requests: REQUESTS, prefix: "worker", respondAsync: true };
    assert.deepEqual(await postMany(worker, load), { 201: REQUESTS / 2, 202: REQUESTS / 2 });
    assert.deepEqual(await findFaults(around.storage, load), []);
    // The one that is left reads.
    await eventually(async () => await clients(around.server) === 1, {
      timeoutMs: 20_000,
      what: `the end of all its connections: ${worker.output()}`,
    });
  });

  it("shares one connection among requests by a Durable Object", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const load = { requests: REQUESTS, prefix: "shared", respondAsync: true };
    const before = await around.connections();
    assert.deepEqual(await postMany(shared, load), { 201: REQUESTS / 2, 202: REQUESTS / 2 });
    assert.deepEqual(await findFaults(around.storage, load), []);
    assert.equal(await around.connections(), before + 1);
  });

  it("goes on, with the same and with new connections, after the server was away", {
    timeout: TIMEOUT_MS,
  }, async () => {
    assert.equal(await post(shared, "before-0"), 201);
    await around.server.kill();
    assert.equal(await post(worker, "away-worker-0"), 503);
    const answer = post(shared, "away-0");
    await around.server.restart();
    // 503 where the restart took longer than the answer may wait; the event is stored all the same.
    assert.ok([201, 503].includes(await answer), shared.output());
    await post(shared, "away-1");
    assert.equal(await post(worker, "after-0"), 201, worker.output());
    for (const [prefix, requests] of [["before", 1], ["away", 2], ["after", 1]] as const) {
      assert.deepEqual(await findFaults(around.storage, { prefix, requests }), []);
    }
    assert.deepEqual(await around.storage.getEvents("away-worker-0"), []);
  });

  it("may emit and nothing else", { timeout: TIMEOUT_MS }, async () => {
    const { NATS_URL: servers, NATS_CREDS: creds } = around.bindings;
    const connection = await connect({ servers, creds, inboxPrefix: "_INBOX_emitter" });
    try {
      await assert.rejects(NatsJobEventStorage.open(connection, { timeoutMs: 1000 }), {
        code: "ERR_PERMISSION",
      });
    } finally {
      await connection.close();
    }
  });
});

describe("The Cloudflare Worker of the README", { skip, timeout: TIMEOUT_MS }, () => {
  it("logs in with an nkey, whose user may only emit", { timeout: TIMEOUT_MS }, async () => {
    const { id, seed } = makeUser();
    const permissions = "permissions: { " +
      'publish: ["naq.jobs.events.>"], subscribe: ["_INBOX_emitter.>"] }';
    const authorization = `users: [
      { nkey: ${id}, ${permissions} }
      { user: reader, password: secret }
    ]`;
    await using server = await startNatsServer({ websocket: true, authorization });
    const reader = { connect: { user: "reader", password: "secret" } };
    await using storage = await openStorage(server.url, reader);
    for (const without of [undefined, "@nats-io/nkeys"]) {
      const { code } = await bundleWorker("tests/consumers/workerd/main.ts", without);
      await using worker = await startWorker(code, { NATS_URL: server.wsUrl!, NATS_NKEY: seed });
      await using events = storage.streamEvents({ from: "new" });
      await events.ready;
      assert.equal((await fetch(worker.url)).status, 202, worker.output());
      const [event] = await take(events, 1, 10_000);
      assert.equal(event?.message, "Job enqueued to 'mail' with priority 0");
    }
  });

  it("fails the request when it cannot connect", { timeout: TIMEOUT_MS }, async () => {
    const { seed } = makeUser();
    const { code } = await bundleWorker("tests/consumers/workerd/main.ts");
    const [port] = await freePorts(1);
    const bindings = { NATS_URL: `ws://127.0.0.1:${port}`, NATS_NKEY: seed };
    await using worker = await startWorker(code, bindings);
    const response = await fetch(worker.url);
    assert.equal(response.status, 500);
    assert.match(await response.text(), /Cannot connect to ws:.*the WebSocket was not opened/);
  });
});

describe("The bundle of a Cloudflare Worker", { timeout: TIMEOUT_MS }, () => {
  const bundles: Bundle[] = [];
  before(async () => {
    for (const example of EXAMPLES) bundles.push(await bundleWorker(`examples/${example}.ts`));
  }, { timeout: TIMEOUT_MS });

  it("has no module of Node, and loads nothing", () => {
    for (const { metafile } of bundles) {
      const [output] = Object.values(metafile.outputs);
      assert.deepEqual(output!.imports, []);
      const inputs = Object.keys(output!.inputs);
      assert.deepEqual(inputs.filter((path) => path.startsWith("node:")), []);
      assert.ok(inputs.includes("src/emit.ts") || inputs.includes("src/nats/publisher.ts"));
    }
  });

  it("makes no code from texts", () => {
    for (const { code } of bundles) assert.doesNotMatch(code, /\beval\s*\(|\bFunction\s*\(/);
  });

  it("does nothing when it is loaded", { timeout: TIMEOUT_MS }, async () => {
    await using directory = await temporaryDirectory();
    for (const [index, { code }] of bundles.entries()) {
      const path = join(directory.path, `${index}.mjs`);
      await writeFile(path, code);
      const script = new URL("workerd/load_child.ts", import.meta.url);
      await using child = runChild(script, pathToFileURL(path).href);
      assert.equal(await child.ended(60_000), 0, child.errors);
      assert.deepEqual(JSON.parse(child.lines[0] ?? "null"), { called: [], changed: [] });
    }
  });
});
