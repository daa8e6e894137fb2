/** What other processes do to a SQLite file in the tests. Reports on standard output, by lines. */

import { writeSync } from "node:fs";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { event, record } from "./events.ts";

const [role, path, name, count] = process.argv.slice(2);

function report(line: string): void {
  writeSync(1, `${line}\n`);
}

/** Appends for ever, in batches of 1 to 40, and says what is stored as soon as it is. */
async function append(storage: SqliteJobEventStorage): Promise<void> {
  for (let first = 1, size = 1;; first += size, size = size % 40 + 1) {
    const records = Array.from(
      { length: size },
      (_, index) => record(storage, event(`${name}`), `${name}-${first + index}`),
    );
    const outcomes = await storage.append(records);
    const failure = outcomes.find(({ status }) => status !== "stored");
    if (failure !== undefined) throw new Error(JSON.stringify(failure), { cause: failure });
    report(`${first} ${first + size - 1}`);
  }
}

/** Stores single events with a pause between them, then ends. */
async function trickle(storage: SqliteJobEventStorage): Promise<void> {
  for (let index = 0; index < Number(count); index++) {
    await storage.storeEvent(event(`${name}-${index}`));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Takes part in a group; acknowledges until it is told to end. */
async function consume(storage: SqliteJobEventStorage): Promise<void> {
  const deliveries = storage.consumeEvents({ consumerName: `${name}`, ackWaitMs: 60_000 });
  await deliveries.ready;
  report("ready");
  for await (const delivery of deliveries) {
    report(`${delivery.event.natsSequence} ${delivery.deliveryCount}`);
    await delivery.ack();
    if (delivery.event.jobId === "last") break;
  }
}

/** Leaves nothing running behind, without a word about ending the process. */
async function leave(storage: SqliteJobEventStorage): Promise<void> {
  const open = [storage.streamEvents(), storage.streamEvents({ from: "all" })];
  for await (const _ of open[1]!) break;
  const waiting = open[0]![Symbol.asyncIterator]().next();
  const group = storage.consumeEvents({ consumerName: "leave" })[Symbol.asyncIterator]();
  await group.next();
  const more = group.next();
  await storage.close();
  await Promise.all([waiting, more]);
  report("done");
}

const roles: Record<string, (storage: SqliteJobEventStorage) => Promise<void>> = {
  append,
  trickle,
  consume,
  leave,
};

const storage = await SqliteJobEventStorage.open(path!);
await roles[role!]!(storage);
await storage.close();
