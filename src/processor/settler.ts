/** What becomes of the deliveries of a group: handled, then answered. */

import { JobEventError, messageOf } from "../errors.ts";
import type { JobEventDeadLetter, JobEventDelivery } from "../storage/storage.ts";
import type { Dispatcher, HandlerFailure } from "./dispatcher.ts";
import { HeldDeliveries } from "./held.ts";
import type { Lanes } from "./lanes.ts";
import type { JobEventProcessorOptions } from "./options.ts";

/** A reason says what happened; the whole of a large answer is not to be kept with each letter. */
const MAX_REASON_LENGTH = 1000;

/** How deliveries are answered; everything is checked. */
export interface SettlerOptions {
  /** How long a claim holds by itself, in milliseconds. */
  readonly ackWaitMs: number;
  /** The last delivery of an event. */
  readonly maxDeliver: number;
  /** The waits before the further deliveries, in milliseconds. */
  readonly backoffMs: readonly number[];
  /** Told of dead letters. */
  readonly onDeadLetter: JobEventProcessorOptions["onDeadLetter"];
}

/** Handles deliveries and settles them. */
export class Settler {
  /** What was done so far, by the names of `ProcessorStats`. */
  readonly counts = { redelivered: 0, deadLetters: 0 };
  readonly #dispatcher: Dispatcher;
  readonly #options: SettlerOptions;
  #held: HeldDeliveries;

  constructor(dispatcher: Dispatcher, options: SettlerOptions) {
    this.#dispatcher = dispatcher;
    this.#options = options;
    this.#held = this.#newHeld();
  }

  /** Takes a delivery: it is handled in its lane. */
  take(delivery: JobEventDelivery, lanes: Lanes): void {
    this.#dispatcher.counts.received++;
    if (delivery.deliveryCount > 1) this.counts.redelivered++;
    const held = this.#held;
    held.add(delivery);
    lanes.push(delivery.event.jobId, async (abandoned) => {
      // Lost while it waited for its turn: another member has it.
      if (!held.has(delivery)) return;
      try {
        const failure = await this.#dispatcher.handle(delivery.event, abandoned);
        // Lost meanwhile, or abandoned: then the end of the feed gives the event back.
        if (abandoned.aborted || !held.has(delivery)) return;
        held.delete(delivery);
        await this.#answer(delivery, failure);
      } catch (error) {
        // The settling failed, not the handler: the event is delivered again.
        this.#dispatcher.reportError(error, delivery.event);
      }
    });
  }

  /** Counts and tells of an event that the source made a dead letter, undelivered. */
  readonly onBuried = ({ event, reason }: JobEventDeadLetter): void => {
    this.counts.deadLetters++;
    if (event === undefined) {
      this.#dispatcher.reportError(new JobEventError("ERR_DECODE", reason));
      return;
    }
    const error = new JobEventError("ERR_TIMEOUT", reason);
    this.#dispatcher.guard(() => this.#options.onDeadLetter?.(event, error));
  };

  /** Lets go of all claims. */
  abandon(): void {
    this.#held.clear();
    this.#held = this.#newHeld();
  }

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
    this.counts.deadLetters++;
    this.#dispatcher.guard(() => onDeadLetter?.(event, error));
  }

  #newHeld(): HeldDeliveries {
    return new HeldDeliveries(
      this.#options.ackWaitMs,
      (error, event) => this.#dispatcher.reportError(error, event),
    );
  }
}

/** An error as the reason of a dead letter. */
function reasonOf(error: unknown): string {
  const name = (error as { name?: unknown } | null)?.name;
  const text = typeof name === "string" ? `${name}: ${messageOf(error)}` : messageOf(error);
  return text.slice(0, MAX_REASON_LENGTH);
}
