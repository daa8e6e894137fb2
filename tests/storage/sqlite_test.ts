import { after } from "node:test";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { temporaryDirectory } from "../helpers.ts";
import { event } from "./events.ts";
import { storageSuite, type StorageUnderTest } from "./suite.ts";
import { leaseSuite } from "./suite_lease.ts";

const directory = await temporaryDirectory();
after(() => directory[Symbol.asyncDispose]());
const paths = new WeakMap<object, string>();
let files = 0;

async function open(path: string, options = {}): Promise<SqliteJobEventStorage> {
  const storage = await SqliteJobEventStorage.open(path, options);
  paths.set(storage, path);
  return storage;
}

const underTest: StorageUnderTest = {
  open: (options) => open(join(directory.path, `suite-${++files}.sqlite`), options),
  reopen: (closed) => open(paths.get(closed)!),
  async storeUndecodable(storage, jobId) {
    await storage.storeEvent(event(jobId));
    using database = new DatabaseSync(paths.get(storage)!);
    database.prepare("UPDATE events SET payload = x'c0ffee' WHERE job_id = ?").run(jobId);
  },
};

storageSuite("SqliteJobEventStorage", underTest);
leaseSuite("SqliteJobEventStorage", underTest);
