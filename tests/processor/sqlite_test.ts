import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { JobEvent } from "../../src/gen/factories.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { temporaryDirectory } from "../helpers.ts";
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
    storeUndecodable: async (jobId: string) => {
      await storage.storeEvent(JobEvent.cancelled(jobId));
      using database = new DatabaseSync(path);
      database.prepare("UPDATE events SET payload = x'c0ffee' WHERE job_id = ?").run(jobId);
    },
    close: async () => {
      await storage.close();
      await directory[Symbol.asyncDispose]();
    },
  };
};

processorSuite("SQLite", open);
uncountedSuite("SQLite", runOn(open));
undecodableSuite("SQLite", runOn(open));
