/** Notices what other processes write. */

import type { ChangePoller } from "../changes.ts";
import type { Database } from "./database.ts";
import { pragma } from "./schema.ts";

/**
 * Looks at SQLite's `data_version` now and then, which changes with every commit of another
 * connection. It costs a few microseconds and reads no table.
 */
export class FileWatcher implements ChangePoller {
  readonly #database: Database;
  readonly #intervalMs: number;
  readonly #onChange: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #version: number;

  /** @param onChange Called when another connection has written. */
  constructor(database: Database, intervalMs: number, onChange: () => void) {
    this.#database = database;
    this.#intervalMs = intervalMs;
    this.#onChange = onChange;
    this.#version = pragma(database, "data_version");
  }

  start(): void {
    // The timer keeps the process alive: whoever waits for another process has work to do.
    this.#timer ??= setTimeout(() => this.#look(), this.#intervalMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    const before = this.#version;
    try {
      this.#version = pragma(this.#database, "data_version");
    } catch {
      // The reader that is woken meets the error itself, and can tell its caller.
      this.#version = NaN;
    }
    // Set before the change is told: telling it may end the wait, which stops the timer.
    this.start();
    if (this.#version !== before) this.#onChange();
  }
}
