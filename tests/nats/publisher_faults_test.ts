import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { connect as connectDeno } from "../../src/connect/deno.ts";
import { connect as connectWs } from "../../src/connect/ws.ts";
import { JobEventSubjects } from "../../src/event/subjects.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { eventually, within } from "../helpers.ts";
import {
  appendAll,
  assertKept,
  connect,
  failure,
  records,
  statuses,
  storedIds,
  TIMEOUT_MS,
} from "./publishing.ts";

const options = { skip: natsSkipReason(), timeout: TIMEOUT_MS };
const WAITS = { reconnectWaitMs: 20, reconnectJitterMs: 5 };
const SMALL = { maxBytes: 64 * 1024 ** 2 };

/** Appends while the server is killed and started again, and looks at what is there then. */
async function appendThroughKill(
  version: "current" | "floor",
  open: (server: Awaited<ReturnType<typeof startNatsServer>>) => Promise<NatsConnectionLike>,
): Promise<void> {
  await using server = await startNatsServer({ version, websocket: true });
  const connection = await open(server);
  try {
    const stream = await openEventStream(connection, { stream: SMALL });
    await using publisher = new NatsJobEventPublisher(connection);
    const all = records(stream.subjects, "kill", 8000, 5);
    let restarting: Promise<void> | undefined;
    const onBatch = (acknowledged: number): void => {
      if (acknowledged > 2000) restarting ??= server.kill().then(() => server.restart());
    };
    const report = await within(appendAll(publisher, all, { batch: 400, onBatch }), 20_000);
    await restarting;
    assert.ok(report.retries > 0, "the server went while messages were under way");
    const stored = await storedIds(stream);
    assertKept(stored, report.acknowledged);
    assert.deepEqual([...stored].sort(), all.map(({ eventId }) => eventId).sort());
  } finally {
    await connection.close();
  }
}

describe("NatsJobEventPublisher and a server that is killed", options, () => {
  for (const version of ["current", "floor"] as const) {
    it(`loses, doubles and disorders nothing with the ${version} server`, options, async () => {
      await appendThroughKill(version, ({ url }) => connect(url));
    });
  }

  it("loses, doubles and disorders nothing over WebSocket", options, async () => {
    await appendThroughKill("current", ({ wsUrl }) => connectWs({ servers: wsUrl!, ...WAITS }));
  });

  // Its transport brings its own copy of the client library.
  const skipDeno = options.skip || ("Deno" in globalThis ? false : "only in Deno");
  it("loses, doubles and disorders nothing over Deno's sockets", {
    ...options,
    skip: skipDeno,
  }, async () => {
    await appendThroughKill("current", ({ url }) => connectDeno({ servers: url, ...WAITS }));
  });

  it("gets everything back at once, and hands nothing to a dead connection", options, async () => {
    await using server = await startNatsServer();
    await using connection = await connect(server.url);
    await using silent = await connect(server.url);
    silent.subscribe("silent.>", { callback: () => {} });
    await silent.flush();
    const stream = await openEventStream(connection, { stream: SMALL });
    await using publisher = new NatsJobEventPublisher(connection, {
      ackTimeoutMs: 60_000,
      maxInFlight: 50,
    });
    const lost = publisher.append(records(new JobEventSubjects("silent"), "lost", 80));
    const queued = publisher.append(records(stream.subjects, "queued", 20));
    await eventually(() => publisher.inFlight === 50, { what: "a full window" });
    await server.kill();
    const outcomes = [...await within(lost, 1000), ...await within(queued, 1000)];
    assert.deepEqual(statuses(outcomes), Array(100).fill("retry"));
    assert.match(failure(outcomes[0]), /ERR_UNAVAILABLE: .*the connection is down/);
    assert.equal(publisher.inFlight, 0);

    const sent = connection.stats().outMsgs;
    // One that begins while the connection is down knows it, too.
    await using late = new NatsJobEventPublisher(connection);
    await eventually(() => connection.info === undefined, { what: "an attempt to reconnect" });
    const all = records(stream.subjects, "down", 20);
    for (const each of [publisher, late]) {
      const down = await within(each.append(all), 500);
      assert.match(failure(down[0]), /ERR_UNAVAILABLE: .*the connection is down/);
    }
    assert.equal(connection.stats().outMsgs, sent);

    await server.restart();
    const { acknowledged } = await within(appendAll(publisher, all), 10_000);
    assert.deepEqual(await storedIds(stream), acknowledged);
    assert.deepEqual(statuses(await within(late.append(all), 1000)), Array(20).fill("duplicate"));
  });
});

describe("NatsJobEventPublisher and other faults", options, () => {
  it("does not wait for ever for a server that hangs", options, async () => {
    await using server = await startNatsServer();
    await using connection = await connect(server.url);
    const stream = await openEventStream(connection, { stream: SMALL });
    await using publisher = new NatsJobEventPublisher(connection, { ackTimeoutMs: 300 });
    // The inbox is there, and then the server hangs; and it hangs before there is an inbox.
    await publisher.append(records(stream.subjects, "before", 1));
    await using fresh = new NatsJobEventPublisher(connection, { ackTimeoutMs: 300 });
    await server.pause();
    const all = records(stream.subjects, "hang", 20);
    const hanging = await Promise.all([
      within(publisher.append(all), 2000),
      within(fresh.append(records(stream.subjects, "fresh", 1)), 2000),
    ]);
    server.resume();
    for (const outcome of hanging.flat()) {
      assert.match(failure(outcome), /^retry ERR_TIMEOUT: .*no acknowledgement within 300 ms/);
    }
    const report = await within(appendAll(publisher, all), 5000);
    assert.equal(report.duplicates, 20, "the server had got them, and stored them once");
    const { acknowledged } = await within(
      appendAll(fresh, records(stream.subjects, "fresh", 1)),
      5000,
    );
    assert.equal(acknowledged.length, 1);
    assertKept(await storedIds(stream), report.acknowledged);
  });

  it("waits as long as there is progress", options, async () => {
    await using server = await startNatsServer();
    await using connection = await connect(server.url);
    let last = 0;
    // One after the other, as a server that is busy.
    let turn = Promise.resolve();
    connection.subscribe("slow.>", {
      callback: (_error, { reply }) => {
        turn = turn.then(() => new Promise((resolve) => setTimeout(resolve, 60))).then(() => {
          const ack = JSON.stringify({ stream: "S", seq: ++last });
          connection.publish(reply!, new TextEncoder().encode(ack));
        });
      },
    });
    const subjects = new JobEventSubjects("slow");
    const bounds = { ackTimeoutMs: 200 };
    await using one = new NatsJobEventPublisher(connection, { ...bounds, maxInFlight: 1 });
    // Each takes its time, and all of them longer than one may; the second append waits for them.
    const outcomes = await Promise.all([
      one.append(records(subjects, "slow", 5)),
      one.append(records(subjects, "behind", 1)),
    ]);
    assert.deepEqual(statuses(outcomes.flat()), Array(6).fill("stored"));
    // All are under way at once, and the acknowledgements alone are the progress.
    await using all = new NatsJobEventPublisher(connection, bounds);
    const together = await all.append(records(subjects, "together", 5));
    assert.deepEqual(statuses(together), Array(5).fill("stored"));
  });

  it("goes on when the stream was deleted and made again", options, async () => {
    await using server = await startNatsServer();
    await using connection = await connect(server.url);
    const stream = await openEventStream(connection, { stream: SMALL });
    await using publisher = new NatsJobEventPublisher(connection, { ackTimeoutMs: 500 });
    const all = records(stream.subjects, "deleted", 3000, 4);
    let again: Promise<unknown> | undefined;
    const report = await within(
      appendAll(publisher, all, {
        batch: 200,
        onBatch: (acknowledged) => {
          if (acknowledged < 1000 || again !== undefined) return;
          again = stream.request(`STREAM.DELETE.${stream.name}`).then(async () => {
            await new Promise((resolve) => setTimeout(resolve, 100));
            await openEventStream(connection, { stream: SMALL });
          });
        },
      }),
      10_000,
    );
    await again;
    assert.ok(report.retries > 0, "for a while there was no stream");
    // Of what it had when it was deleted the server says nothing, hence the short ack timeout. What
    // was acknowledged before went with the stream; what came later is there, in order.
    const stored = await storedIds(stream);
    assertKept(stored, report.acknowledged.slice(-stored.length));
    assert.ok(stored.length > 0 && stored.length < all.length, `${stored.length} are stored`);
  });

  for (const version of ["current", "floor"] as const) {
    it(`says that an account has no JetStream, with the ${version} server`, options, async () => {
      await using server = await startNatsServer({
        version,
        accounts: `A { jetstream: enabled, users: [{ user: a, password: p }] }
          B { users: [{ user: b, password: p }] }`,
      });
      await using connection = await connect(server.url, { user: "b", password: "p" });
      await using publisher = new NatsJobEventPublisher(connection);
      const outcomes = await within(publisher.append(records(publisher.subjects, "none", 3)), 1000);
      assert.deepEqual(statuses(outcomes), ["retry", "retry", "retry"]);
      assert.match(failure(outcomes[0]), /ERR_UNAVAILABLE: .*JetStream is off for this account/);
    });
  }
});
