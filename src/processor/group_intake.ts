/** How a processor with a name gets its events, and what becomes of them. */

import { JobEventError, messageOf } from "../errors.ts";
import type {
  ConsumeOptions,
  JobEventDeadLetter,
  JobEventDelivery,
  JobEventFilter,
  JobEventSource,
  StreamStart,
} from "../storage/storage.ts";
import type { Dispatcher, HandlerFailure } from "./dispatcher.ts";
import { HeldDeliveries } from "./held.ts";
import type { Lanes } from "./lanes.ts";
import type { JobEventProcessorOptions } from "./options.ts";
import type { Feed, Intake } from "./run.ts";

/** A reason says what happened; the whole of a large answer is not to be kept with each letter. */
const MAX_REASON_LENGTH = 1000;

/** How a member of a group works; everything is checked. */
export interface GroupOptions {
  /** The group. */
  readonly consumerName: string;
  /** What the group is about. */
  readonly filter: JobEventFilter | undefined;
  /** Where a new group begins. */
  readonly from: StreamStart | undefined;
  /** How long a claim holds by itself, in milliseconds. */
  readonly ackWaitMs: number;
  /** The last delivery of an event. */
  readonly maxDeliver: number;
  /** How many deliveries are taken at the most, those that wait for their turn included. */
  readonly maxPending: number;
  /** The waits before the further deliveries, in milliseconds. */
  readonly backoffMs: readonly number[];
  /** Told of dead letters. */
  readonly onDeadLetter: JobEventProcessorOptions["onDeadLetter"];
}

/** Takes the deliveries of a group, has them handled and settles them. */
export class GroupIntake implements Intake<JobEventDelivery> {
  readonly #source: JobEventSource;
  readonly #options: GroupOptions;
  readonly #dispatcher: Dispatcher;
  readonly #held: HeldDeliveries;
  #isDraining = false;

  constructor(source: JobEventSource, options: GroupOptions, dispatcher: Dispatcher) {
    this.#source = source;
    this.#options = options;
    this.#dispatcher = dispatcher;
    this.#held = new HeldDeliveries(
      options.ackWaitMs,
      (error, event) => dispatcher.reportError(error, event),
    );
  }

  open(options: Pick<ConsumeOptions, "from" | "reset"> = {}): Feed<JobEventDelivery> {
    const { consumerName, filter, from, ackWaitMs, maxDeliver, maxPending } = this.#options;
    return this.#source.consumeEvents({
      ...filter,
      ...(from === undefined ? {} : { from }),
      consumerName,
      ackWaitMs,
      maxDeliver,
      maxPending,
      onDeadLetter: this.#onBuried,
      ...options,
    });
  }

  opened(): Promise<void> {
    return Promise.resolve();
  }

  take(delivery: JobEventDelivery, lanes: Lanes): boolean {
    if (this.#isDraining) {
      void this.#release(delivery);
      return false;
    }
    this.#dispatcher.counts.received++;
    if (delivery.deliveryCount > 1) this.#dispatcher.counts.redelivered++;
    this.#held.add(delivery);
    lanes.push(delivery.event.jobId, (abandoned) => this.#handle(delivery, abandoned));
    return true;
  }

  drain(): Promise<void> {
    this.#isDraining = true;
    return Promise.resolve();
  }

  async giveBack(): Promise<void> {
    await Promise.all(this.#held.takeWaiting().map((delivery) => this.#release(delivery)));
  }

  end(): void {
    this.#held.clear();
  }

  async #release(delivery: JobEventDelivery): Promise<void> {
    try {
      await delivery.release();
    } catch {
      // The source is not there, or the event is somebody else's by now: they get it anyway.
    }
  }

  async #handle(delivery: JobEventDelivery, abandoned: AbortSignal): Promise<void> {
    // Lost while it waited for its turn: another member has it.
    if (!this.#held.begin(delivery)) return;
    try {
      const failure = await this.#dispatcher.handle(delivery.event, abandoned);
      // Lost meanwhile, or abandoned: then the end of the feed gives the event back.
      if (abandoned.aborted || !this.#held.has(delivery)) return;
      this.#held.delete(delivery);
      await this.#answer(delivery, failure);
    } catch (error) {
      // The settling failed, not the handler: the event is delivered again.
      this.#dispatcher.reportError(error, delivery.event);
    }
  }

  /** Counts and tells of an event that the source made a dead letter, undelivered. */
  readonly #onBuried = ({ event, reason }: JobEventDeadLetter): void => {
    this.#dispatcher.counts.deadLetters++;
    if (event === undefined) {
      this.#dispatcher.reportError(new JobEventError("ERR_DECODE", reason));
      return;
    }
    const error = new JobEventError("ERR_TIMEOUT", reason);
    this.#dispatcher.guard(() => this.#options.onDeadLetter?.(event, error));
  };

  async #answer(delivery: JobEventDelivery, failure: HandlerFailure | undefined): Promise<void> {
    const { event, deliveryCount } = delivery;
    const { maxDeliver, backoffMs, onDeadLetter } = this.#options;
    if (failure === undefined) return await delivery.ack();
    const { error } = failure;
    if (deliveryCount < maxDeliver) {
      const index = Math.min(deliveryCount, backoffMs.length) - 1;
      return await delivery.nak({ delayMs: backoffMs[index] ?? 0 });
    }
    await delivery.deadLetter(reasonOf(error));
    this.#dispatcher.counts.deadLetters++;
    this.#dispatcher.guard(() => onDeadLetter?.(event, error));
  }
}

/** An error as the reason of a dead letter. */
function reasonOf(error: unknown): string {
  const name = (error as { name?: unknown } | null)?.name;
  const text = typeof name === "string" ? `${name}: ${messageOf(error)}` : messageOf(error);
  return text.slice(0, MAX_REASON_LENGTH);
}
