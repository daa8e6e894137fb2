/** How a processor without a name gets its events. */

import type { StoredJobEvent } from "../gen/types.ts";
import type { JobEventSource, StreamStart } from "../storage/storage.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Lanes } from "./lanes.ts";
import type { JobEventProcessorOptions } from "./options.ts";
import type { Feed, Intake } from "./run.ts";

/** Takes every event, each once. */
export class PlainIntake implements Intake<StoredJobEvent> {
  readonly #source: JobEventSource;
  readonly #options: Pick<JobEventProcessorOptions, "filter" | "from">;
  readonly #dispatcher: Dispatcher;
  /** Where the next feed begins. */
  #from: StreamStart;
  /** What was stored up to there is taken, or was there before; absent where nobody knows. */
  #position: number | undefined;
  /** What was stored after that came too late. */
  #through = Infinity;
  readonly #drained = Promise.withResolvers<void>();

  constructor(
    source: JobEventSource,
    options: Pick<JobEventProcessorOptions, "filter" | "from">,
    dispatcher: Dispatcher,
  ) {
    this.#source = source;
    this.#options = options;
    this.#dispatcher = dispatcher;
    this.#from = options.from ?? "new";
  }

  open(): Feed<StoredJobEvent> {
    return this.#source.streamEvents({
      ...this.#options.filter,
      from: this.#from,
      onDecodeError: ({ error }) => this.#dispatcher.reportError(error),
    });
  }

  async opened(): Promise<void> {
    const from = this.#from;
    if (from === "all") this.#position = 0;
    else if (from !== "new" && "sequence" in from) this.#position = from.sequence - 1;
    else {
      this.#position = await this.#source.lastSequence();
      if (from === "new") this.#from = { sequence: this.#position + 1 };
    }
  }

  take(event: StoredJobEvent, lanes: Lanes): boolean {
    const { natsSequence, jobId } = event;
    if (natsSequence > this.#through) return false;
    this.#position = natsSequence;
    this.#from = { sequence: natsSequence + 1 };
    this.#dispatcher.counts.received++;
    lanes.push(
      jobId,
      async (abandoned) => void await this.#dispatcher.handle(event, abandoned),
    );
    if (natsSequence === this.#through) this.#drained.resolve();
    return true;
  }

  async drain(): Promise<void> {
    const newest = await this.#newest();
    const position = this.#position ?? newest;
    this.#through = Math.max(newest, position);
    if (position < newest) await this.#drained.promise;
  }

  giveBack(): Promise<void> {
    return Promise.resolve();
  }

  end(): void {}

  /** The position of the last stored event that it takes; 0 for none. */
  async #newest(): Promise<number> {
    try {
      const query = { ...this.#options.filter, order: "newest", limit: 1 } as const;
      const [newest] = await this.#source.listEvents(query);
      return newest?.natsSequence ?? 0;
    } catch {
      // Whoever stops has no use for the events of a source that does not answer.
      return 0;
    }
  }
}
