import { join } from "node:path";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { temporaryDirectory } from "../helpers.ts";
import { processorSuite } from "./suite.ts";

processorSuite("SQLite", async () => {
  const directory = await temporaryDirectory();
  const storage = await SqliteJobEventStorage.open(join(directory.path, "events.sqlite"));
  return {
    storage,
    close: async () => {
      await storage.close();
      await directory[Symbol.asyncDispose]();
    },
  };
});
