import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { connect } from "../../src/connect/mod.ts";
import type { ConnectOptions } from "../../src/connect/options.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { NatsConnectionPool } from "../../src/nats/pool.ts";
import { clients, exercise, TIMEOUT_MS, worksAgain } from "../connect/servers.ts";
import { eventually, within } from "../helpers.ts";

const skip = natsSkipReason();
const options = { skip, timeout: TIMEOUT_MS };
const encoder = new TextEncoder();

/** A pool that counts what it opens. */
function countingPool(): {
  readonly pool: NatsConnectionPool<ConnectOptions>;
  readonly opened: NatsConnectionLike[];
} {
  const opened: NatsConnectionLike[] = [];
  const pool = new NatsConnectionPool(async (connectOptions: ConnectOptions) => {
    const connection = await connect(connectOptions);
    opened.push(connection);
    return connection;
  });
  return { pool, opened };
}

describe("NatsConnectionPool", options, () => {
  let server: NatsServer;
  let servers: string;
  before(async () => {
    server = await startNatsServer();
    servers = server.url;
  }, { timeout: TIMEOUT_MS });
  after(() => server?.stop());

  it("opens one connection for all who ask at once, and closes it after the last", async () => {
    const { pool, opened } = countingPool();
    const shares = await Promise.all(Array.from({ length: 10 }, () => pool.acquire({ servers })));
    assert.equal(opened.length, 1);
    assert.equal(await clients(server), 1);
    assert.equal(pool.size, 1);
    for (const share of shares.slice(1)) await share.release();
    assert.equal(opened[0]!.isClosed(), false);
    await exercise(shares[0]!);
    await shares[0]!.release();
    assert.equal(opened[0]!.isClosed(), true);
    assert.equal(pool.size, 0);
    await eventually(async () => await clients(server) === 0, { what: "no client" });
  });

  it("shares among equal options only, however they are written", async () => {
    const { pool, opened } = countingPool();
    await pool.acquire({ servers, name: "a", timeoutMs: 5000 });
    await pool.acquire({ timeoutMs: 5000, name: "a", servers: [servers] });
    assert.equal(opened.length, 1);
    await pool.acquire({ servers, name: "b", timeoutMs: 5000 });
    await pool.acquire({ servers, name: "a", timeoutMs: 5000, inboxPrefix: "_INBOX_me" });
    assert.equal(opened.length, 3);
    assert.equal(pool.size, 3);
    await pool.close();
    assert.deepEqual(opened.map((each) => each.isClosed()), [true, true, true]);
  });

  it("ends what belongs to a share with it, and leaves the others alone", async () => {
    const { pool, opened } = countingPool();
    const [one, two] = [await pool.acquire({ servers }), await pool.acquire({ servers })];
    const seen: string[] = [];
    const note = (who: string) => (): void => void seen.push(who);
    one.subscribe("pool.note", { callback: note("one") });
    two.subscribe("pool.note", { callback: note("two") });
    const statusEnd = (async () => {
      for await (const { type } of one.status()) if (type === "close") return type;
      return "end";
    })();
    const closed = one.closed();

    await one.close();
    assert.deepEqual([one.isClosed(), two.isClosed()], [true, false]);
    assert.equal(await within(closed), undefined);
    assert.equal(await within(statusEnd), "close");
    assert.throws(() => one.publish("pool.note"), { name: "ClosedConnectionError" });
    assert.throws(() => one.subscribe("pool.note"), { name: "ClosedConnectionError" });
    await assert.rejects(one.flush(), { name: "ClosedConnectionError" });
    two.publish("pool.note", encoder.encode("x"));
    await two.flush();
    await eventually(() => seen.length > 0, { what: "the message" });
    assert.deepEqual(seen, ["two"]);
    await exercise(two);

    await one.close();
    await one.release();
    assert.equal(opened[0]!.isClosed(), false, "a second release counted");
    await two.close();
    assert.equal(opened[0]!.isClosed(), true);
  });

  it("tells all who share it when the connection itself is closed, and opens another", async () => {
    const { pool, opened } = countingPool();
    const [one, two] = [await pool.acquire({ servers }), await pool.acquire({ servers })];
    const closed = Promise.all([one.closed(), two.closed()]);
    await opened[0]!.close();
    await within(closed);
    assert.deepEqual([one.isClosed(), two.isClosed()], [true, true]);
    const three = await pool.acquire({ servers });
    assert.equal(opened.length, 2);
    await one.release();
    await two.release();
    assert.equal(three.isClosed(), false, "the release of the old ones closed the new one");
    assert.equal(pool.size, 1, "the release of the old ones made it forget the new one");
    await three.release();
    assert.equal(pool.size, 0);
  });

  it("goes on after the server was away", async () => {
    const { pool } = countingPool();
    const own = await startNatsServer({ jetStream: false });
    try {
      const where = { servers: own.url, reconnectWaitMs: 20, reconnectJitterMs: 0 };
      const [one, two] = [await pool.acquire(where), await pool.acquire(where)];
      await own.kill();
      await own.restart();
      await worksAgain(one);
      await one.close();
      await exercise(two);
    } finally {
      await pool.close();
      await own.stop();
    }
  });

  it("gives a share that the client library's own parts take", async () => {
    const { pool } = countingPool();
    await using share = await pool.acquire({ servers });
    const manager = await jetstreamManager(share as unknown as NatsConnection);
    assert.equal((await manager.getAccountInfo()).streams, 0);
    const drained = share as unknown as NatsConnection;
    let handled = 0;
    share.subscribe("pool.drain", { callback: () => handled++ });
    for (let i = 0; i < 10; i++) share.publish("pool.drain");
    await drained.drain();
    assert.equal(handled, 10);
    assert.equal(share.isClosed(), true);
  });

  it("closes when it is disposed of", async () => {
    const { pool, opened } = countingPool();
    {
      await using one = await pool.acquire({ servers });
      assert.equal(one.isClosed(), false);
    }
    assert.equal(opened[0]!.isClosed(), true);
    await pool.acquire({ servers });
    await pool[Symbol.asyncDispose]();
    assert.equal(opened[1]!.isClosed(), true);
  });
});

describe("NatsConnectionPool without a server", () => {
  const servers = "nats://localhost:4222";

  it("does not remember a failure", async () => {
    let attempts = 0;
    const pool = new NatsConnectionPool((_options: ConnectOptions) => {
      attempts++;
      return Promise.reject<NatsConnectionLike>(new Error(`failure ${attempts}`));
    });
    const both = await Promise.allSettled([pool.acquire({ servers }), pool.acquire({ servers })]);
    const reasons = both.map((each) => each.status === "rejected" ? each.reason.message : "");
    assert.deepEqual(reasons, ["failure 1", "failure 1"]);
    assert.equal(pool.size, 0);
    // At once, when the failure has only just come out.
    const again = pool.acquire({ servers }).catch(() => pool.acquire({ servers }));
    await assert.rejects(again, { message: "failure 3" });
  });

  it("does not hand out what is about to be closed", async () => {
    const states = { isClosed: false, isDraining: false };
    let opened = 0;
    const pool = new NatsConnectionPool((_options: ConnectOptions) => {
      opened++;
      return Promise.resolve({
        close: () => Promise.resolve(),
        closed: () => new Promise<void>(() => {}),
        isClosed: () => states.isClosed,
        isDraining: () => states.isDraining,
      } as NatsConnectionLike);
    });
    for (const state of ["isClosed", "isDraining"] as const) {
      await pool.acquire({ servers });
      const before = opened;
      states[state] = true;
      await pool.acquire({ servers });
      assert.equal(opened, before + 1, state);
      states[state] = false;
    }
  });

  it("rejects what is asked for after its end, and what was being opened", async () => {
    let isClosed = false;
    const opening = Promise.withResolvers<NatsConnectionLike>();
    const pool = new NatsConnectionPool((_options: ConnectOptions) => opening.promise);
    const early = pool.acquire({ servers });
    const closing = pool.close();
    opening.resolve({
      close: () => Promise.resolve(void (isClosed = true)),
      closed: () => Promise.resolve(),
      isClosed: () => isClosed,
    } as NatsConnectionLike);
    await assert.rejects(early, { name: "JobEventError", code: "ERR_CLOSED" });
    await closing;
    assert.equal(isClosed, true);
    await assert.rejects(pool.acquire({ servers }), {
      code: "ERR_CLOSED",
      message: "Cannot acquire a connection: the pool is closed",
    });
  });
});
