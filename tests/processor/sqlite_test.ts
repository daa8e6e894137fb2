import { join } from "node:path";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { temporaryDirectory } from "../helpers.ts";
import { storeBroken } from "../storage/sqlite_broken.ts";
import { runOn } from "./bench.ts";
import { processorSuite } from "./suite.ts";
import { undecodableSuite } from "./suite_faults.ts";
import { uncountedSuite } from "./suite_stop.ts";

const open = async () => {
  const directory = await temporaryDirectory();
  const path = join(directory.path, "events.sqlite");
  const storage = await SqliteJobEventStorage.open(path);
  return {
    storage,
    // deno-lint-ignore require-await -- async, so that errors are rejections
    storeUndecodable: async (jobId: string) => storeBroken(path, jobId),
    close: async () => {
      await storage.close();
      await directory[Symbol.asyncDispose]();
    },
  };
};

processorSuite("SQLite", open);
uncountedSuite("SQLite", runOn(open));
undecodableSuite("SQLite", runOn(open));
