import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import type { JobEvent, StoredJobEvent } from "../../src/gen/types.ts";
import type { JobEventQuery } from "../../src/storage/storage.ts";
import type { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { ALL_TYPES, FULL } from "../event/samples.ts";
import { openSmall, TestServer, TIMEOUT_MS, VERSIONS } from "../nats/accounts.ts";
import { pythonVersion, pythonWithPackages, runScript } from "./python/environment.ts";
import { pythonFields } from "./python/fields.ts";

const version = await pythonVersion();
const skip = natsSkipReason() || (version === undefined ? "python3 is not installed" : false);
if (skip !== false) console.log(`Skipped: ${skip}`);

const EVENTS: readonly JobEvent[] = [...ALL_TYPES, { ...FULL, jobId: "job-2" }];

/** The subjects of the Python system: it puts ids into them as they are. */
function originalSubject(event: JobEvent): string {
  const { jobId, eventType, workerId, queueName } = event;
  const prefix = `naq.jobs.events.${jobId}`;
  if (workerId !== undefined) return `${prefix}.worker.${workerId}.${eventType}`;
  if (queueName !== undefined) return `${prefix}.queue.${queueName}.${eventType}`;
  return `${prefix}.${eventType}`;
}

/** Every kind of query, and which events it is to find. */
const QUERIES: readonly (readonly [JobEventQuery, (event: JobEvent) => boolean])[] = [
  [{}, () => true],
  [{ jobId: "job-2" }, (event) => event.jobId === "job-2"],
  [{ workerId: "w-1" }, (event) => event.workerId === "w-1"],
  [{ queueName: "mail" }, (event) => event.queueName === "mail"],
  [{ eventType: "failed" }, (event) => event.eventType === "failed"],
  [
    { eventType: ["started", "queue_moved"], jobId: "job-1" },
    (event) => event.jobId === "job-1" && /^(started|queue_moved)$/.test(event.eventType),
  ],
  [{ tags: { team: "core" } }, (event) => event.tags?.["team"] === "core"],
  [{ since: new Date(1_700_000_000_400) }, (event) => event.timestamp >= 1_700_000_000.4],
];

function withoutPosition(event: StoredJobEvent): JobEvent {
  const { eventId: _, natsSubject: __, natsSequence: ___, ...fields } = event;
  return fields;
}

for (const server of VERSIONS) {
  describe(`nats-py on NATS ${server}`, { skip, timeout: TIMEOUT_MS }, () => {
    const nats = new TestServer(server);
    let python = "";
    let url = "";
    let storage: NatsJobEventStorage;

    before(async () => {
      python = await pythonWithPackages(version!);
      const connection = await nats.connect(0);
      storage = await openSmall(connection);
      url = (await nats.get()).url.replace("//", "//u0:p@");
    }, { timeout: TIMEOUT_MS });
    after(async () => {
      await storage?.close();
      await nats.stop();
    });

    it("reads what is stored here, under the same subjects, field by field", async () => {
      const stored = await storage.storeEvents(EVENTS);
      const lines = await runScript(python, "stream.py", ["read", url, storage.streamName]);
      assert.deepEqual(
        lines.map((line) => JSON.parse(line)),
        stored.map((event) => ({
          sequence: event.natsSequence,
          subject: event.natsSubject,
          id: event.eventId,
          event: pythonFields(withoutPosition(event)),
        })),
      );
    });

    it("stores what every query finds here", async () => {
      const begin = (await storage.healthCheck()).lastSequence;
      const messages = EVENTS.map((event) => {
        const set = Object.entries(pythonFields(event)).filter(([, value]) => value !== null);
        return JSON.stringify({
          subject: originalSubject(event),
          event: Object.fromEntries(set),
        });
      });
      const sequences = await runScript(python, "stream.py", ["publish", url], messages);
      assert.deepEqual(sequences, EVENTS.map((_, index) => String(begin + index + 1)));
      for (const [query, isWanted] of QUERIES) {
        const wanted = EVENTS.filter(isWanted);
        const what = JSON.stringify(query);
        const found = await storage.listEvents({ ...query, afterSequence: begin });
        assert.deepEqual(found.map(withoutPosition), wanted, what);
        const newest = await storage.listEvents({ ...query, order: "newest", limit: 1 });
        assert.deepEqual(newest.map(withoutPosition), wanted.slice(-1), what);
        assert.equal(await storage.countEvents(query), wanted.length * 2, what);
      }
      const all = await storage.listEvents({ afterSequence: begin });
      assert.deepEqual(all.map((event) => event.natsSubject), EVENTS.map(originalSubject));
      assert.equal(new Set(all.map((event) => event.eventId)).size, EVENTS.length);
      assert.equal((await storage.getEvents("job-2")).length, 2);
      assert.equal(await storage.deleteEvents("job-2"), 2);
    });
  });
}
