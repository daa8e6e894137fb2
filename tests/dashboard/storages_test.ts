import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { join } from "node:path";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { createDashboardHandler } from "../../src/dashboard/mod.ts";
import type { LiveStatus, RowsMessage } from "../../src/dashboard/wire.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { eventually, temporaryDirectory } from "../helpers.ts";
import { TestServer, TIMEOUT_MS } from "../nats/accounts.ts";
import { event } from "../storage/events.ts";
import { openMessages } from "./messages.ts";
import { dashboardSuite } from "./suite.ts";

dashboardSuite("memory", () => Promise.resolve(new MemoryJobEventStorage()));

const directory = await temporaryDirectory();
after(() => directory[Symbol.asyncDispose]());
let files = 0;
dashboardSuite(
  "SQLite",
  () => SqliteJobEventStorage.open(join(directory.path, `${++files}.sqlite`)),
);

const LONG = { timeout: 60_000, timeoutMs: 30_000 };

const skip = natsSkipReason();
const server = new TestServer("current");
if (skip === false) await server.get();
describe("NATS", { skip, timeout: TIMEOUT_MS }, () => {
  after(() => server.stop());
  dashboardSuite("NATS", () => server.open());

  it("says that the server is away, and goes on when it is back", LONG, async () => {
    await using storage = await server.open();
    await storage.storeEvent(event("before"));
    await using handler = createDashboardHandler(storage);
    const url = "http://dashboard.test/api/live?view=rows&after=0";
    const messages = openMessages(await handler(new Request(url)));
    const seen: string[] = [];
    const until = async (wanted: string) => {
      while (!seen.includes(wanted)) {
        const { event, data } = await messages.next();
        if (event === "status") seen.push((data as LiveStatus).state);
        if (event === "rows") seen.push(...(data as RowsMessage).rows.map((row) => row.job));
      }
    };
    await until("before");
    const process = await server.get();
    await process.kill();
    await until("lost");
    await process.restart();
    await eventually(() => storage.storeEvent(event("after")).catch(() => false), LONG);
    await until("after");
    await messages.close();
    assert.equal(seen.filter((job) => job === "before").length, 1);
  });
});
