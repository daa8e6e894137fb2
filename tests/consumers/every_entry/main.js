/** Uses what the package exports, as it is published: emit, store, read, process, tasks. */

import assert from "node:assert/strict";
import process from "node:process";
import { JobEvent, JobEventProcessor } from "@naq/events";
import { openBackend } from "@naq/events/backend";
import * as node from "@naq/events/connect/node";
import * as ws from "@naq/events/connect/ws";
import { JobEventLogger, NatsJobEventPublisher } from "@naq/events/emit";
import { openStorage } from "@naq/events/open";
import { JobEventLoggerSync, openStorageSync } from "@naq/events/sync";
import { Worker } from "@naq/events/worker";

const [natsUrl, wsUrl, ...entries] = process.argv.slice(2);
const types = (events) => events.map(({ eventType }) => eventType);

async function loadAll() {
  for (const entry of entries) {
    const module = await import(entry.replace(".", "@naq/events"));
    assert.ok(Object.keys(module).length > 0, entry);
  }
}

async function emitAndProcess() {
  const storage = await openStorage(natsUrl);
  const processor = new JobEventProcessor(storage, { consumerName: "billing" });
  const seen = [];
  const over = new Promise((resolve) => {
    processor.onAny((event) => {
      if (seen.push(event) === 2) resolve();
    });
  });
  await processor.start();
  for (const [index, { connect }] of [node, ws].entries()) {
    const connection = await connect({ servers: index === 0 ? natsUrl : wsUrl });
    const logger = new JobEventLogger(new NatsJobEventPublisher(connection));
    logger.logJobStarted(`job-${index}`, "worker-1", "async");
    assert.equal((await logger.stop()).stored, 1);
    await connection.close();
  }
  await over;
  await processor.stop();
  assert.deepEqual(types(seen), ["started", "started"]);
  assert.equal(await storage.countEvents(), 2);
  await storage.close();
}

/** The worker thread must find its file, whatever the file's name is now. */
function block(url) {
  const storage = openStorageSync(url);
  storage.storeEventSync(JobEvent.enqueued("sync", "mail"));
  const logger = new JobEventLoggerSync(storage);
  logger.logJobCancelled("sync");
  logger.stopSync();
  assert.deepEqual(types(storage.getEventsSync("sync")), ["enqueued", "cancelled"]);
  storage.closeSync();
}

async function runTask() {
  const backend = await openBackend({ tasks: natsUrl, events: natsUrl });
  const worker = new Worker(backend, { add: ([one, other]) => one + other });
  worker.start();
  const id = await backend.enqueue({ functionName: "add", args: [1, 2] });
  assert.equal((await backend.waitForResult(id)).value, 3);
  await worker.stop();
  await backend.close();
  const storage = await openStorage(natsUrl);
  assert.ok(types(await storage.getEvents(id)).includes("completed"));
  await storage.close();
}

await loadAll();
await emitAndProcess();
block(natsUrl);
block("sqlite:events.sqlite");
await runTask();
console.log(`${entries.length} entry points`);
