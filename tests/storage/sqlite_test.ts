import { after } from "node:test";
import { join } from "node:path";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { temporaryDirectory } from "../helpers.ts";
import { storeBroken } from "./sqlite_broken.ts";
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
  // deno-lint-ignore require-await -- async, so that errors are rejections
  storeUndecodable: async (storage, jobId) => storeBroken(paths.get(storage)!, jobId),
};

storageSuite("SqliteJobEventStorage", underTest);
leaseSuite("SqliteJobEventStorage", underTest);
