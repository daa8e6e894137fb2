/** A worker whose storage fails in the way that its URL says: faults that no real one makes. */

import process from "node:process";
import { JobEventError } from "../../src/errors.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import type { AppendOutcome, JobEventRecord } from "../../src/storage/storage.ts";
import { serve } from "../../src/sync/host.ts";
import { StorageHost } from "../../src/sync/storage_host.ts";

/** Blocks this thread. */
function block(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

const rejection = (): JobEventError =>
  new JobEventError("ERR_EVENT_TOO_LARGE", "Cannot store: too large", {
    cause: Object.assign(new RangeError("inner", { cause: "innermost" }), { errno: 7 }),
  });

/** What becomes of the records, by the storage's URL; nothing: they are stored. */
const APPENDS: Readonly<
  Record<string, (records: readonly JobEventRecord[], call: number) => AppendOutcome[] | void>
> = {
  exit: () => process.exit(),
  throw: () =>
    void setTimeout(() => {
      throw new Error("the worker's own error");
    }),
  hang: () => block(600_000),
  slow: () => block(300),
  reject: (records) => records.map(() => ({ status: "rejected", error: rejection() })),
  unavailable: (records) => records.map(() => ({ status: "retry", error: rejection() })),
  "fail twice": (records, call) =>
    call > 2 ? undefined : records.map(() => ({ status: "retry", error: rejection() })),
};

class ScriptedStorage extends MemoryJobEventStorage {
  readonly #script: string;
  #calls = 0;

  constructor(script: string) {
    super();
    this.#script = script;
  }

  override async append(records: readonly JobEventRecord[]): Promise<readonly AppendOutcome[]> {
    const outcomes = APPENDS[this.#script]?.(records, ++this.#calls);
    if (outcomes !== undefined) return outcomes;
    if (this.#script === "throw") await new Promise(() => {});
    return await super.append(records);
  }
}

/** Beside the storage, what the tests of the line itself call. */
export class ScriptedRoot {
  openStorage(script: string): StorageHost {
    return new StorageHost(new ScriptedStorage(script));
  }

  async echo(value: unknown, delayMs: number = 0): Promise<unknown> {
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    return value;
  }

  fail(kind: "aggregate" | "circle" | "foreign" | "string" | "type"): never {
    switch (kind) {
      case "aggregate":
        throw new AggregateError([new TypeError("a"), rejection()], "several");
      case "circle": {
        const error = new Error("circle");
        error.cause = error;
        throw error;
      }
      case "foreign":
        throw Object.assign(new Error("busy"), { name: "SqliteError", code: "SQLITE_BUSY", n: 5n });
      case "string":
        throw "only text";
      case "type":
        throw new TypeError("wrong", { cause: rejection() });
    }
  }

  uncloneable(): unknown {
    return () => {};
  }

  exit(): void {
    process.exit();
  }

  async *count(to: number): AsyncGenerator<number> {
    try {
      for (let value = 0; value < to; value++) {
        this.#produced = value + 1;
        yield value;
      }
      if (to < 0) throw new RangeError("to is negative");
    } finally {
      this.#ended++;
    }
  }

  #produced = 0;
  #ended = 0;

  state(): { readonly produced: number; readonly ended: number } {
    return { produced: this.#produced, ended: this.#ended };
  }
}

serve(new ScriptedRoot());
