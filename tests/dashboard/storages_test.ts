import { after, describe } from "node:test";
import { join } from "node:path";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { temporaryDirectory } from "../helpers.ts";
import { TestServer, TIMEOUT_MS } from "../nats/accounts.ts";
import { dashboardSuite } from "./suite.ts";

dashboardSuite("memory", () => Promise.resolve(new MemoryJobEventStorage()));

const directory = await temporaryDirectory();
after(() => directory[Symbol.asyncDispose]());
let files = 0;
dashboardSuite(
  "SQLite",
  () => SqliteJobEventStorage.open(join(directory.path, `${++files}.sqlite`)),
);

const skip = natsSkipReason();
const server = new TestServer("current");
if (skip === false) await server.get();
describe("NATS", { skip, timeout: TIMEOUT_MS }, () => {
  after(() => server.stop());
  dashboardSuite("NATS", () => server.open());
});
