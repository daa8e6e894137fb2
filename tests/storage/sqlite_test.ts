import { after } from "node:test";
import { join } from "node:path";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { temporaryDirectory } from "../helpers.ts";
import { storageSuite } from "./suite.ts";

const directory = await temporaryDirectory();
after(() => directory[Symbol.asyncDispose]());
const paths = new WeakMap<object, string>();
let files = 0;

async function open(path: string, options = {}): Promise<SqliteJobEventStorage> {
  const storage = await SqliteJobEventStorage.open(path, options);
  paths.set(storage, path);
  return storage;
}

storageSuite("SqliteJobEventStorage", {
  open: (options) => open(join(directory.path, `suite-${++files}.sqlite`), options),
  reopen: (closed) => open(paths.get(closed)!),
});
