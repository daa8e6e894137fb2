import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { it } from "node:test";
import { JobEvent } from "../../src/gen/factories.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { eventually, temporaryDirectory } from "../helpers.ts";
import { runOn } from "./bench.ts";
import { processorSuite } from "./suite.ts";
import { uncountedSuite } from "./suite_stop.ts";

const open = async () => {
  const directory = await temporaryDirectory();
  const storage = await SqliteJobEventStorage.open(join(directory.path, "events.sqlite"));
  return {
    storage,
    close: async () => {
      await storage.close();
      await directory[Symbol.asyncDispose]();
    },
  };
};

processorSuite("SQLite", open);
uncountedSuite("SQLite", runOn(open));

it("JobEventProcessor: an event that cannot be decoded is reported, and stops nobody", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "poison.sqlite");
  await using storage = await SqliteJobEventStorage.open(path);
  await storage.storeEvents(["a", "poison", "b"].map((job) => JobEvent.cancelled(job)));
  const database = new DatabaseSync(path);
  database.exec("UPDATE events SET payload = x'c0ffee' WHERE job_id = 'poison'");
  database.close();
  const errors: { readonly code?: string }[] = [];
  const seen: string[] = [];
  await using processor = new JobEventProcessor(storage, {
    consumerName: "group",
    onError: (error) => errors.push(error as { readonly code?: string }),
  });
  processor.onAny((event) => void seen.push(event.jobId));
  await processor.start();
  await eventually(() => processor.stats().processed === 2);
  assert.deepEqual(seen, ["a", "b"]);
  assert.deepEqual(errors.map(({ code }) => code), ["ERR_DECODE"]);
  assert.equal(processor.stats().deadLetters, 1);
  const [letter] = await processor.deadLetters.list();
  assert.equal(letter?.event, undefined);
});
