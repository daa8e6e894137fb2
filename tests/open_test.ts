import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { natsSkipReason, startNatsServer } from "../scripts/nats_server.ts";
import { JobEvent } from "../src/gen/factories.ts";
import { openStorage } from "../src/open.ts";
import { eventually, temporaryDirectory } from "./helpers.ts";
import { TIMEOUT_MS } from "./nats/publishing.ts";

const skip = natsSkipReason();

describe("openStorage()", () => {
  it("opens memory:", async () => {
    await using storage = await openStorage("memory:", { subjectPrefix: "p" });
    const { natsSubject } = await storage.storeEvent(JobEvent.cancelled("a"));
    assert.equal(natsSubject, "p.a.lifecycle.cancelled");
  });

  it("opens sqlite: with a path, and finds there what was stored before", async () => {
    await using directory = await temporaryDirectory();
    const url = `sqlite:${join(directory.path, "events with space.sqlite")}`;
    {
      await using storage = await openStorage(url);
      await storage.storeEvent(JobEvent.cancelled("a"));
    }
    await using storage = await openStorage(url);
    assert.equal(await storage.countEvents(), 1);
  });

  it("opens nats: and ws:, and closes the connection", { skip, timeout: TIMEOUT_MS }, async () => {
    await using server = await startNatsServer({ websocket: true });
    const nats = { streamName: "EVENTS", stream: { maxBytes: 2 ** 20 } };
    for (const url of [server.url, server.wsUrl!]) {
      await using storage = await openStorage(url, { subjectPrefix: "p", maxAgeMs: 60_000, nats });
      const { natsSubject } = await storage.storeEvent(JobEvent.cancelled("a"));
      assert.equal(natsSubject, "p.a.lifecycle.cancelled");
    }
    await assert.rejects(openStorage(server.url, { subjectPrefix: "other", nats }), {
      code: "ERR_STREAM_CONFIG",
    });
    const connections = async (): Promise<unknown> =>
      (await server.monitor("/connz") as { num_connections: number }).num_connections;
    await eventually(async () => await connections() === 0);
  });

  it("makes neither a file nor a stream that it is told not to", {
    skip,
    timeout: TIMEOUT_MS,
  }, async () => {
    await using directory = await temporaryDirectory();
    await using server = await startNatsServer();
    const url = `sqlite:${join(directory.path, "missing.sqlite")}`;
    for (const each of [url, server.url]) {
      for (const options of [{ create: false }, { create: false, readOnly: true }]) {
        await assert.rejects(openStorage(each, options), { code: "ERR_NOT_FOUND" });
      }
    }
    await assert.rejects(openStorage(server.url, { readOnly: true }), { code: "ERR_NOT_FOUND" });
    assert.deepEqual(await readdir(directory.path), []);
    await (await openStorage(url)).close();
    await using storage = await openStorage(url, { create: false, readOnly: true });
    await assert.rejects(storage.storeEvent(JobEvent.cancelled("a")), { code: "ERR_UNSUPPORTED" });
  });

  it("names a URL that it cannot open, and the forms that it can", async () => {
    for (const url of ["", "memory", "memory:x", "sqlite:", "redis://a", "SQLITE:a"]) {
      await assert.rejects(openStorage(url), {
        code: "ERR_CONFIGURATION",
        message: new RegExp(`^Cannot open storage "${url}": use "memory:"`),
      });
    }
    await assert.rejects(openStorage("redis://me:secret@host"), { message: /"redis:\/\/…@host"/ });
  });
});
