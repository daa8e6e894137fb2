/** The stream of what groups gave up on. */

import { deleteEvery, deleteMatching, deleteMessage } from "./delete.ts";
import { readHistory } from "./history.ts";
import { completed, type KeptMessage, readKept } from "./kept.ts";
import type { ReadContext } from "./patience.ts";
import { isMissingStream, SideStream } from "./side_stream.ts";

/** A stored dead letter. */
export interface StoredLetter extends KeptMessage {
  /** Its position in the stream of dead letters. */
  readonly position: number;
}

/** Which dead letters are meant. */
export interface LetterSelection {
  /** The token of a group. @default all */
  readonly group?: string | undefined;
  /** The token of a job. @default all */
  readonly job?: string | undefined;
  /** Positions. @default all */
  readonly positions?: ReadonlySet<number> | undefined;
}

/** How many letters are dealt with at the same time. */
const WINDOW = 32;

/** Keeps dead letters, and what is to be given to groups again. */
export class DeadLetterStore {
  readonly #letters: SideStream;
  /** Each group has a consumer here; what it acknowledges is removed. */
  readonly replays: SideStream;

  /**
   * Makes a store; its streams are made when they are needed.
   *
   * @param events That of the stream of events.
   */
  constructor(events: ReadContext) {
    this.#letters = new SideStream(events, {
      suffix: "_DEAD",
      description: "Dead letters of",
      retention: "limits",
    });
    this.replays = new SideStream(events, {
      suffix: "_REPLAY",
      description: "What groups get again of",
      retention: "workqueue",
    });
  }

  /**
   * Stores a dead letter, and waits until it is stored.
   *
   * @throws {JobEventError} It is not stored.
   */
  async put(letter: KeptMessage): Promise<StoredLetter> {
    return { ...letter, position: await this.#letters.put(letter) };
  }

  /** Reads dead letters, the first one first. */
  async *read(
    { group, job, positions }: LetterSelection,
    signal?: AbortSignal,
  ): AsyncGenerator<StoredLetter, void> {
    if (positions?.size === 0) return;
    const options = {
      patterns: [this.#letters.pattern(group, job)],
      afterSequence: positions === undefined ? 0 : Math.min(...positions) - 1,
      order: "oldest",
      wanted: Infinity,
      ...(signal === undefined ? {} : { signal }),
    } as const;
    try {
      for await (const batch of readHistory(this.#letters.context, options)) {
        for (const stored of batch) {
          const { sequence: position } = stored;
          const kept = positions?.has(position) === false ? undefined : readKept(stored);
          if (kept === undefined) continue;
          const message = await completed(this.#letters.events, kept.message);
          yield { ...kept, message, position };
        }
      }
    } catch (error) {
      if (!isMissingStream(error)) throw error;
    }
  }

  /**
   * Gives letters to their groups again.
   *
   * @returns How many there were.
   */
  async replay(selection: LetterSelection, signal: AbortSignal): Promise<number> {
    return await this.#each(selection, signal, async (letter) => {
      // First, so that nothing is lost: who stops in between has both.
      await this.replays.put({ ...letter, deliveryCount: 0, keptAt: Date.now() });
      return await this.#remove(letter);
    });
  }

  /**
   * Deletes dead letters.
   *
   * @returns How many there were.
   */
  async purge(selection: LetterSelection, signal: AbortSignal): Promise<number> {
    if (selection.positions !== undefined) {
      return await this.#each(selection, signal, (letter) => this.#remove(letter));
    }
    return await this.#purge(this.#letters.pattern(selection.group, selection.job), false);
  }

  /** Deletes the letters of a job, and what is to be given again of it. */
  async forget(job: string, erasing: boolean): Promise<void> {
    await this.#purge(this.#letters.pattern("*", job), erasing);
    try {
      await deleteEvery(this.replays.context, this.replays.pattern("*", job), erasing);
    } catch (error) {
      if (!isMissingStream(error)) throw error;
    }
  }

  /** Does something with each letter. Gives how often it was done. */
  async #each(
    selection: LetterSelection,
    signal: AbortSignal,
    action: (letter: StoredLetter) => Promise<boolean>,
  ): Promise<number> {
    let count = 0;
    let window: StoredLetter[] = [];
    const finish = async (): Promise<void> => {
      count += (await Promise.all(window.map(action))).filter((done) => done).length;
      window = [];
    };
    for await (const letter of this.read(selection, signal)) {
      if (window.push(letter) === WINDOW) await finish();
    }
    await finish();
    return count;
  }

  async #remove({ position }: StoredLetter): Promise<boolean> {
    return await deleteMessage(this.#letters.context, position, false);
  }

  async #purge(pattern: string, erasing: boolean): Promise<number> {
    try {
      return await deleteMatching(this.#letters.context, pattern, erasing);
    } catch (error) {
      if (!isMissingStream(error)) throw error;
      return 0;
    }
  }
}
