/** A storage whose content is always the same: ids, positions and times included. */

import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import { take } from "../helpers.ts";

/** When the first event happened. */
export const BEGIN: number = Date.UTC(2026, 0, 5, 12) / 1000;

/** The group that has dead letters. */
export const GROUP = "billing";

function at(seconds: number, event: JobEvent): JobEvent {
  return { ...event, timestamp: BEGIN + seconds };
}

/** A job in a queue that ends well, and one that fails twice and is given up. */
function story(): JobEvent[] {
  const mail = { queueName: "mail", tags: { customer: "7" } };
  const broken = Object.assign(new Error("no \u001b[31maddress\u009b of\u202e 7\n  at line 2"), {
    name: "TypeError",
  });
  return [
    at(0, JobEvent.enqueued("job-1", "mail", { priority: 3 })),
    at(1.5, JobEvent.started("job-1", "worker-1", "async", mail)),
    at(2.75, JobEvent.completed("job-1", "worker-1", 1250, mail)),
    at(3, JobEvent.enqueued("job-2", "mail")),
    at(3.002, JobEvent.started("job-2", "worker-2", "thread", mail)),
    at(3.1, JobEvent.failed("job-2", "worker-2", broken, 98, mail)),
    at(3.2, JobEvent.retryScheduled("job-2", 1, 120_000, mail)),
    at(123.2, JobEvent.retryStarted("job-2", "worker-2", 1, mail)),
    at(123.3, JobEvent.failed("job-2", "worker-2", broken, 100, { ...mail, retryCount: 1 })),
    at(123.4, JobEvent.maxRetriesExceeded("job-2", 1, mail)),
    at(130, {
      ...JobEvent.enqueued("job-3", "report"),
      details: { bytes: new Uint8Array([1, 2]), big: 2n ** 60n, when: new Date(0), $date: "x" },
      metadata: { $bytes: "not ours", nan: NaN },
    }),
    at(131, JobEvent.started("job-3", "worker-1", "async", { queueName: "report" })),
  ];
}

/** Stores the story. Gives the number of events. */
export async function fill(storage: JobEventStorage): Promise<number> {
  const records = story().map((event, index) => ({
    eventId: `event-${index + 1}`,
    subject: storage.subjects.forEvent(event),
    payload: encodeJobEvent(event),
    ...(index === 0
      ? { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" }
      : {}),
  }));
  await storage.append(records);
  return records.length;
}

/** Lets a group give up on the failures. */
export async function addDeadLetters(storage: JobEventStorage): Promise<void> {
  const options = { consumerName: GROUP, eventType: "failed" } as const;
  await using deliveries = storage.consumeEvents(options);
  for (const delivery of await take(deliveries, 2, 20_000)) {
    await delivery.deadLetter("no invoice for it");
  }
}
