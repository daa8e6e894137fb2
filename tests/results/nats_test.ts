import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { jsApiRequest } from "../../src/nats/js_api.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { NatsTaskResultStorage, type NatsTaskResultStorageOptions } from "../../src/results/mod.ts";
import { eventually, within } from "../helpers.ts";
import { TestServer, TIMEOUT_MS, VERSIONS } from "../nats/accounts.ts";
import { spyOn } from "../nats/spy.ts";
import { resultsSuite } from "./suite.ts";

const skip = natsSkipReason();
const STREAM = "KV_naq-results";

function openSmall(
  connection: NatsConnectionLike,
  options: NatsTaskResultStorageOptions = {},
): Promise<NatsTaskResultStorage> {
  return NatsTaskResultStorage.open(connection, { stream: { maxBytes: 2 ** 24 }, ...options });
}

async function stored(connection: NatsConnectionLike): Promise<number> {
  const info = await jsApiRequest<{ state: { messages: number; consumer_count: number } }>(
    connection,
    `STREAM.INFO.${STREAM}`,
  );
  return info.state.messages;
}

for (const version of VERSIONS) {
  const server = new TestServer(version);
  // Here, because a first start may take longer than Bun lets a test of the suite take.
  if (skip === false) await server.get();
  describe(`results on NATS ${version}`, { skip, timeout: TIMEOUT_MS }, () => {
    after(() => server.stop());
    resultsSuite(`NatsTaskResultStorage on ${version}`, {
      open: async (options) => openSmall(await server.connect(), options),
    });
    ownSuite(version, server);
  });
}

function ownSuite(version: string, server: TestServer): void {
  describe(`NatsTaskResultStorage on ${version}: the bucket`, () => {
    it("frees what has expired by itself", { timeout: 60_000 }, async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection, { cleanupIntervalMs: 1 });
      const short = Array.from({ length: 20 }, (_, index) => `short-${index}`);
      await Promise.all(
        short.map((id) => storage.set({ id, state: "completed" }, { ttlMs: 20 })),
      );
      await eventually(async () => {
        await storage.set({ id: "kept", state: "completed" });
        return await stored(connection) === 1;
        // A cleanup that finds nothing yet, on a machine that is busy, makes the next one wait for
        // 20 times as long as it took.
      }, { timeoutMs: 50_000 });
      assert.equal((await storage.get("kept"))?.id, "kept");
    });

    it("wait() asks for nothing while it waits", { timeout: 30_000 }, async () => {
      const { connection, traffic } = spyOn(await server.connect());
      await using storage = await openSmall(connection);
      await storage.set({ id: "there", state: "completed" });
      const waits = Array.from({ length: 20 }, (_, at) => storage.wait(`later-${at}`));
      // Each looks once; this one after all others.
      await storage.wait("there");
      const sent = traffic.sent.length;
      await new Promise((resolve) => setTimeout(resolve, 600));
      assert.deepEqual(traffic.sent.slice(sent), []);
      await Promise.all(waits.map((_, at) => storage.set({ id: `later-${at}`, state: "failed" })));
      await within(Promise.all(waits), 20_000);
    });

    it("delete() takes no second attempt for what is gone", { timeout: 30_000 }, async () => {
      const { connection, traffic } = spyOn(await server.connect());
      await using storage = await openSmall(connection);
      await storage.set({ id: "a", state: "completed" });
      const onlyIf = () => storage.delete("a");
      assert.equal(await storage.delete("a", { onlyIf }), false);
      const deletes = traffic.sent.filter((subject) => subject.includes("STREAM.MSG.DELETE"));
      assert.equal(deletes.length, 2);
    });

    it("wait() outlives a restart of the server", { timeout: 60_000 }, async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      const waiting = storage.wait("later");
      await storage.wait("now", { timeoutMs: 10 });
      const nats = await server.get();
      await nats.kill("SIGKILL");
      await nats.restart();
      await using other = await openSmall(await server.connect(server.lastAccount));
      await other.set({ id: "later", state: "completed", value: 5 });
      assert.equal((await within(waiting, 30_000))?.value, 5);
    });

    it("leaves no consumer behind", async () => {
      const connection = await server.connect();
      const storage = await openSmall(connection);
      await Promise.all([storage.wait("a", { timeoutMs: 10 }), storage.list()]);
      await storage.close();
      const info = await jsApiRequest<{ state: { consumer_count: number } }>(
        connection,
        `STREAM.INFO.${STREAM}`,
      );
      assert.equal(info.state.consumer_count, 0);
    });

    it("says what the server has no room for", async () => {
      const storage = await openSmall(await server.connect(), { maxResultBytes: 2 ** 26 });
      const value = "x".repeat(2 ** 20);
      await assert.rejects(
        storage.set({ id: "large", state: "completed", value }),
        /"large": it has 10486\d\d bytes, more than the 1048064 of the server's max_payload/,
      );
      await storage.close();
    });

    it("passes over what is no result, and refuses a bucket of another kind", async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      const put = (key: string) =>
        connection.request(`$KV.naq-results.${key}`, new Uint8Array([0xc1]), { timeout: 5000 });
      await put("alien");
      await storage.set({ id: "mine", state: "completed" });
      assert.deepEqual((await storage.list()).map(({ id }) => id), ["mine"]);
      assert.equal(await storage.count(), 1);
      assert.equal(await storage.get("alien"), null);
      assert.equal(await storage.cleanupExpired(), 0);
      assert.equal(await stored(connection), 2);
      await jsApiRequest(connection, "STREAM.CREATE.KV_other", {
        name: "KV_other",
        subjects: ["$KV.other.>"],
        max_bytes: 2 ** 20,
      });
      await assert.rejects(openSmall(connection, { bucket: "other" }), {
        code: "ERR_STREAM_CONFIG",
        message: /max_msgs_per_subject: 1/,
      });
      await assert.rejects(openSmall(connection, { bucket: "a.b" }), TypeError);
    });
  });
}
