import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEventError } from "../../src/errors.ts";
import { EventIdSource } from "../../src/event/event_id.ts";
import { JobEventSubjects } from "../../src/event/subjects.ts";
import type { AppendOutcome, JobEventRecord, JobEventSink } from "../../src/storage/storage.ts";
import { storeEvent, storeEvents } from "../../src/storage/store.ts";
import { event } from "./events.ts";

/** A sink that answers as it is told to, and remembers what it was given. */
function sink(...outcomes: AppendOutcome[]): JobEventSink & { readonly records: JobEventRecord[] } {
  const records: JobEventRecord[] = [];
  return {
    subjects: new JobEventSubjects("p"),
    records,
    append: (added) => {
      records.push(...added);
      return Promise.resolve(outcomes);
    },
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const down = new JobEventError("ERR_UNAVAILABLE", "down");

describe("storeEvent()", () => {
  it("fills in what the storage knows; a duplicate is stored", async () => {
    for (const status of ["stored", "duplicate"] as const) {
      const stored = await storeEvent(
        sink({ status, sequence: 7 }),
        event("a", { timestamp: 5 }),
        new EventIdSource("id"),
      );
      assert.deepEqual(stored, {
        jobId: "a",
        eventType: "started",
        timestamp: 5,
        natsSubject: "p.a.started",
        natsSequence: 7,
        eventId: "id-1",
      });
    }
  });

  it("throws the outcome's error, and one for an outcome that is not there", async () => {
    const ids = new EventIdSource();
    for (const status of ["retry", "rejected"] as const) {
      await assert.rejects(storeEvent(sink({ status, error: down }), event("a"), ids), down);
    }
    await assert.rejects(storeEvent(sink(), event("a"), ids), { code: "ERR_UNAVAILABLE" });
  });
});

describe("storeEvents()", () => {
  it("says which were not stored, in their order, whatever the reason", async () => {
    const target = sink({ status: "stored", sequence: 1 }, { status: "retry", error: down });
    const events = [event("a"), event("b"), { ...event("c"), timestamp: NaN }];
    await assert.rejects(storeEvents(target, events, new EventIdSource()), (error: unknown) => {
      const { code, message, cause } = error as JobEventError;
      assert.equal(code, "ERR_UNAVAILABLE");
      assert.match(message, /^Cannot store 2 of 3 events: \[1\] down; \[2\] .*timestamp/);
      const { errors } = cause as AggregateError;
      assert.equal(errors[0], down);
      assert.equal((errors[1] as Error).name, "TypeError");
      return true;
    });
    assert.deepEqual(target.records.map(({ subject }) => subject), ["p.a.started", "p.b.started"]);
  });

  it("shows the first of many failures", async () => {
    const failures = Array.from({ length: 9 }, () => ({ status: "retry", error: down }) as const);
    const events = failures.map(() => event("a"));
    const message = /^Cannot store 9 of 9 events: \[0\] down;.* \[4\] down; and 4 more$/;
    await assert.rejects(storeEvents(sink(...failures), events, new EventIdSource()), { message });
  });
});
