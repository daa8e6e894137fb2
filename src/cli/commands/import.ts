/** `naq-events import`. */

import { createReadStream, statSync } from "node:fs";
import process from "node:process";
import { isNatsScheme, splitUrl } from "../../open_storage.ts";
import type { JobEventRecord, JobEventStorage } from "../../storage/storage.ts";
import type { CommandContext } from "../context.ts";
import { readEventFile } from "../event_file.ts";
import { CliError, errorLine, ExitCode, exitCodeOf } from "../exit.ts";
import { openProgress } from "../progress.ts";
import { appendPatiently, withoutStored } from "../records.ts";
import { counted } from "../text.ts";
import type { ReportJson } from "../types.ts";

/** So many events are stored at once. */
const BATCH = 5000;
const BATCH_BYTES = 8 * 1024 * 1024;

/** How long a storage may be away. */
const PATIENCE_MS = 60_000;

/** Ids of a storage with no more events are read at once and kept, 100 bytes or so each. */
const MAX_KNOWN_IDS = 1_000_000;

/** Stores the events of a file. */
export async function importEvents(
  context: CommandContext,
  _options: unknown,
  file: string = "-",
): Promise<number> {
  // Before the storage is made: a file that is not there is to change nothing.
  const size = file === "-" ? 0 : statSync(file).size;
  const chunks: AsyncIterable<Uint8Array> = file === "-"
    ? process.stdin
    : createReadStream(file, { highWaterMark: 1024 * 1024 });
  const storage = await context.open("make");
  const importing = new Import(context, storage, await readIds(context, storage));
  const progress = await openProgress(context, size);
  let isWhole = true;
  const onCutOff = (bytes: number): void => {
    isWhole = false;
    context.note(`The file ends within an event: its last ${bytes} bytes are left out`);
  };
  try {
    for await (const records of readEventFile(chunks, storage.subjects, onCutOff)) {
      for (const { record } of records) {
        if (importing.add(record)) await importing.flush();
      }
      context.signal.throwIfAborted();
      progress.set(records.at(-1)?.end ?? 0);
    }
    await importing.flush();
  } catch (error) {
    if (context.signal.aborted) throw error;
    const { stored = 0, duplicates = 0 } = importing.report;
    const done = counted(stored + duplicates, "event");
    throw new CliError(
      exitCodeOf(error),
      `${errorLine(error)}. ${done} of the file are stored, and will be passed over when it is ` +
        "imported again",
    );
  } finally {
    progress.end();
  }
  const { stored, duplicates, refused } = importing.report;
  await context.print(
    importing.report,
    () =>
      `Stored ${counted(stored!, "event")}, ${duplicates} were there already` +
      (refused === 0 ? "" : `, ${refused} were refused`),
  );
  return refused === 0 && isWhole ? ExitCode.Ok : ExitCode.Failure;
}

/** Whether the storage forgets after a while which ids it has. */
function forgets({ storageUrl }: CommandContext): boolean {
  return isNatsScheme(splitUrl(storageUrl).scheme);
}

/** The ids that are stored; `undefined` where they are too many, or need not be known. */
async function readIds(
  context: CommandContext,
  storage: JobEventStorage,
): Promise<Set<string> | undefined> {
  if (!forgets(context)) return undefined;
  const { messages } = await storage.healthCheck();
  if (messages > MAX_KNOWN_IDS) return undefined;
  const ids = new Set<string>();
  for await (const { eventId } of storage.readEvents()) ids.add(eventId);
  return ids;
}

/** Stores events in batches. */
class Import {
  readonly #context: CommandContext;
  readonly #storage: JobEventStorage;
  readonly #ids: Set<string> | undefined;
  #batch: JobEventRecord[] = [];
  #bytes = 0;
  #read = 0;
  #stored = 0;
  #duplicates = 0;
  #refused = 0;

  constructor(context: CommandContext, storage: JobEventStorage, ids: Set<string> | undefined) {
    this.#context = context;
    this.#storage = storage;
    this.#ids = ids;
  }

  /** What was done. */
  get report(): ReportJson {
    return {
      read: this.#read,
      stored: this.#stored,
      duplicates: this.#duplicates,
      refused: this.#refused,
    };
  }

  /** Whether it is time to store. */
  add(record: JobEventRecord): boolean {
    this.#read++;
    this.#batch.push(record);
    this.#bytes += record.payload.byteLength;
    return this.#batch.length >= BATCH || this.#bytes >= BATCH_BYTES;
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    const fresh = await this.#fresh(batch);
    const counts = await appendPatiently(this.#context, this.#storage, fresh, {
      patienceMs: PATIENCE_MS,
    });
    this.#stored += counts.stored;
    this.#duplicates += counts.duplicates + batch.length - fresh.length;
    this.#refused += counts.rejected.length;
    for (const { record, reason } of counts.rejected) {
      this.#context.note(`Refused ${record.eventId}: ${reason}`);
    }
  }

  /** What is not stored yet. */
  async #fresh(batch: readonly JobEventRecord[]): Promise<readonly JobEventRecord[]> {
    const ids = this.#ids;
    if (ids !== undefined) {
      return batch.filter(({ eventId }) => {
        const isKnown = ids.has(eventId);
        ids.add(eventId);
        return !isKnown;
      });
    }
    if (!forgets(this.#context)) return batch;
    return await withoutStored(this.#storage, batch);
  }
}
