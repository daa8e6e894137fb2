/** `naq-events forward`. */

import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { shownUrl } from "../../open_storage.ts";
import type { JobEventDelivery, JobEventStorage } from "../../storage/storage.ts";
import type { CommandContext } from "../context.ts";
import { filterOf, type FilterOptions } from "../parse.ts";
import { appendPatiently, toRecord, withoutStored } from "../records.ts";
import { counted } from "../text.ts";
import type { ReportJson } from "../types.ts";

/** So many events are sent on at once. */
const BATCH = 500;
/** So long a batch that is not full waits for more. */
const GATHER_MS = 20;
/** What was not sent on by then is taken up by whoever runs; the wait for a storage renews it. */
const ACK_WAIT_MS = 60_000;
/** Each crash counts as one: an event must not be given up for that. */
const MAX_DELIVER = 1000;
/** With `--once`: it is over when nothing came for so long. */
const IDLE_MS = 3000;

/** Sends events on. */
export async function forward(
  context: CommandContext,
  options: FilterOptions & { readonly name?: string; readonly once?: boolean },
  from: string,
  to: string,
): Promise<void> {
  const source = await context.open("change", { url: from });
  const destination = await context.open("make", { url: to });
  const { lastSequence } = await source.healthCheck();
  const consumerName = options.name ?? groupOf(to);
  const deliveries = context.own(source.consumeEvents({
    ...filterOf(options),
    consumerName,
    ackWaitMs: ACK_WAIT_MS,
    maxDeliver: MAX_DELIVER,
    maxPending: 2 * BATCH,
    signal: context.signal,
  }));
  await deliveries.ready;
  if (options.once !== true) context.note(`Forwarding as group "${consumerName}"; Ctrl-C ends it`);
  const sender = new Sender(context, destination);
  const batches = new Batches(deliveries[Symbol.asyncIterator]());
  const idleMs = options.once === true ? IDLE_MS : Infinity;
  try {
    if (options.once === true && lastSequence === 0) return;
    for (;;) {
      const batch = await batches.next(idleMs);
      if (batch.length === 0) break;
      await sender.send(batch);
      if (options.once === true && batch.at(-1)!.event.natsSequence >= lastSequence) break;
    }
  } finally {
    const { stored, duplicates, refused } = sender.report;
    await context.print(
      sender.report,
      () =>
        `Forwarded ${counted(stored!, "event")}, ${duplicates} were there already` +
        (refused === 0
          ? ""
          : `, ${refused} were refused and are dead letters of "${consumerName}"`),
    );
    await context.out.flush();
  }
}

/** A name for a destination; its secrets are not a part of it. */
function groupOf(url: string): string {
  return `forward-${createHash("sha256").update(shownUrl(url)).digest("hex").slice(0, 8)}`;
}

/** Takes deliveries in batches: as many as there are, without a wait for more. */
class Batches {
  readonly #deliveries: AsyncIterator<JobEventDelivery>;
  #next: Promise<IteratorResult<JobEventDelivery>> | undefined;

  constructor(deliveries: AsyncIterator<JobEventDelivery>) {
    this.#deliveries = deliveries;
  }

  /** The next batch; empty when there is nothing for so long, or nothing more. */
  async next(idleMs: number): Promise<readonly JobEventDelivery[]> {
    const batch: JobEventDelivery[] = [];
    for (;;) {
      this.#next ??= this.#deliveries.next();
      const result = await within(this.#next, batch.length === 0 ? idleMs : GATHER_MS);
      if (result === undefined) return batch;
      this.#next = undefined;
      if (result.done === true) return batch;
      if (batch.push(result.value) >= BATCH) return batch;
    }
  }
}

async function within<Value>(promise: Promise<Value>, timeMs: number): Promise<Value | undefined> {
  if (timeMs === Infinity) return await promise;
  const late = new AbortController();
  try {
    const { signal } = late;
    return await Promise.race([promise, pause(timeMs, undefined, { signal })]);
  } finally {
    late.abort();
  }
}

/** Stores batches in the destination, then settles them in the source. */
class Sender {
  readonly #context: CommandContext;
  readonly #destination: JobEventStorage;
  #stored = 0;
  #duplicates = 0;
  #refused = 0;
  #lastSequence = 0;

  constructor(context: CommandContext, destination: JobEventStorage) {
    this.#context = context;
    this.#destination = destination;
  }

  get report(): ReportJson {
    return {
      stored: this.#stored,
      duplicates: this.#duplicates,
      refused: this.#refused,
      lastSequence: this.#lastSequence,
    };
  }

  async send(batch: readonly JobEventDelivery[]): Promise<void> {
    const { subjects } = this.#destination;
    const records = batch.map(({ event }) => toRecord(subjects, event));
    // What comes again may have been sent on before the last end of this program.
    const isAgain = batch.some(({ deliveryCount }) => deliveryCount > 1);
    const fresh = isAgain ? await withoutStored(this.#destination, records) : records;
    let isWaiting = false;
    const { stored, duplicates, rejected } = await appendPatiently(
      this.#context,
      this.#destination,
      fresh,
      {
        patienceMs: Infinity,
        onWait: async (reason) => {
          if (!isWaiting) this.#context.note(`Waiting: ${reason}`);
          isWaiting = true;
          await Promise.all(batch.map((delivery) => delivery.inProgress()));
        },
      },
    );
    if (isWaiting) this.#context.note("Back");
    const reasons = new Map(rejected.map(({ record, reason }) => [record.eventId, reason]));
    await Promise.all(batch.map((delivery, index) => {
      const reason = reasons.get(records[index]!.eventId);
      return reason === undefined ? delivery.ack() : delivery.deadLetter(reason);
    }));
    this.#stored += stored;
    this.#duplicates += duplicates + records.length - fresh.length;
    this.#refused += rejected.length;
    this.#lastSequence = batch.at(-1)!.event.natsSequence;
  }
}
