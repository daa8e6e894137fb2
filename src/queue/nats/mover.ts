/** Moves tokens whose time has come, on servers that do not do it by themselves. */

import type { Band, Delivery, TokenTaker } from "./band.ts";
import type { Bands } from "./bands.ts";
import type { Tokens } from "./tokens.ts";

/** How many tokens are asked for at the same time. */
const WINDOW = 16;

const decoder = new TextDecoder();

/**
 * Looks at the tokens that wait, of the queues that are watched. One whose time has not come goes
 * back to the server for as long as it has to wait; so the time is the server's to keep, and all
 * programs that dequeue share the work.
 */
export class Mover {
  readonly #bands: Bands;
  readonly #tokens: Tokens;
  readonly #watched = new Set<string>();
  readonly #attached = new Set<Band>();
  #stop: (() => void) | undefined;
  #isClosed = false;

  /** Nothing is watched at first. */
  constructor(bands: Bands, tokens: Tokens) {
    this.#bands = bands;
    this.#tokens = tokens;
  }

  /** Takes part in moving the tokens of queues, from now on. */
  watch(queues: readonly string[]): void {
    if (this.#isClosed) return;
    this.#stop ??= this.#bands.onAdded((queue) => {
      if (this.#watched.has(queue)) this.#attach(queue);
    });
    for (const queue of queues) {
      if (this.#watched.has(queue)) continue;
      this.#watched.add(queue);
      this.#attach(queue);
    }
  }

  /** Ends it. */
  close(): void {
    this.#isClosed = true;
    this.#stop?.();
  }

  #attach(queue: string): void {
    const { later } = this.#bands.of(queue);
    if (later === undefined || this.#attached.has(later)) return;
    this.#attached.add(later);
    for (let place = 0; place < WINDOW; place++) this.#take(later);
  }

  #take(band: Band): void {
    const taker: TokenTaker = {
      offer: (delivery) => {
        if (this.#isClosed) return false;
        // Comes again by itself where this fails.
        this.#handle(delivery).catch(() => {}).finally(() => {
          if (!this.#isClosed) band.join(taker);
        });
        return true;
      },
    };
    band.join(taker);
  }

  async #handle({ token, payload, ackSubject }: Delivery): Promise<void> {
    const runAt = Number(decoder.decode(payload)) || 0;
    const delayMs = runAt - Date.now();
    if (delayMs > 0) return this.#tokens.giveBack(ackSubject, delayMs);
    await this.#bands.ensure(token);
    await this.#tokens.put({ ...token, place: "ready" }, runAt);
    this.#tokens.ack(ackSubject);
  }
}
