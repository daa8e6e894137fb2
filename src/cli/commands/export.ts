/** `naq-events export`. */

import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Buffer } from "node:buffer";
import type { JobEventStorage } from "../../storage/storage.ts";
import type { CommandContext } from "../context.ts";
import { encodeFor, type FileRecord, readEventFile } from "../event_file.ts";
import { CliError, ExitCode } from "../exit.ts";
import { filterOf, type FilterOptions } from "../parse.ts";
import { readWindow } from "../read_window.ts";
import { counted } from "../text.ts";
import type { ReportJson } from "../types.ts";

type ExportOptions = FilterOptions & {
  readonly raw?: boolean;
  readonly resume?: boolean;
  readonly force?: boolean;
  readonly after?: number;
};

/** So much is written at once, in bytes. */
const CHUNK_BYTES = 256 * 1024;

/** Where an export goes. */
interface Target {
  write(data: Uint8Array): Promise<void>;
  close(): Promise<void>;
  /** The position of the last event that is there already. */
  readonly after: number;
}

/** Writes events to a file or to standard output. */
export async function exportEvents(
  context: CommandContext,
  options: ExportOptions,
  file: string = "-",
): Promise<void> {
  const storage = await context.open("read");
  const target = file === "-"
    ? { write: (data: Uint8Array) => context.out.write(data), close: async () => {}, after: 0 }
    : await openFile(storage, file, options);
  const chunk = new Chunk(target);
  const encode = encodeFor(options.raw === true);
  const afterSequence = Math.max(options.after ?? 0, target.after);
  let read = 0;
  let lastSequence = target.after;
  try {
    for await (
      const event of readWindow(context, storage, { ...filterOf(options), afterSequence })
    ) {
      if (chunk.add(encode(event))) await chunk.flush();
      read++;
      lastSequence = event.natsSequence;
    }
  } finally {
    // What was read is kept also when the command is interrupted: --resume goes on behind it.
    await chunk.flush();
    await target.close();
  }
  const report: ReportJson = { read, lastSequence };
  if (file === "-") context.note(`Exported ${counted(read, "event")}`);
  else await context.print(report, () => `Exported ${counted(read, "event")} to ${file}`);
}

/** Collects what is written at once. */
class Chunk {
  readonly #target: Target;
  #parts: (string | Uint8Array)[] = [];
  #size = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Whether it is time to write. */
  add(part: string | Uint8Array): boolean {
    // The encoder's buffer is used again for the next record.
    this.#parts.push(typeof part === "string" ? part : Uint8Array.from(part));
    this.#size += part.length;
    return this.#size >= CHUNK_BYTES;
  }

  async flush(): Promise<void> {
    const parts = this.#parts;
    this.#parts = [];
    this.#size = 0;
    if (parts.length === 0) return;
    await this.#target.write(
      typeof parts[0] === "string"
        ? Buffer.from(parts.join(""))
        : Buffer.concat(parts as Uint8Array[]),
    );
  }
}

async function openFile(
  storage: JobEventStorage,
  path: string,
  options: ExportOptions,
): Promise<Target> {
  if (options.resume === true) return await resumeFile(storage, path, options.raw === true);
  try {
    // "wx" makes the file, or fails where there is one.
    return fileTarget(await open(path, options.force === true ? "w" : "wx"), 0);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== "EEXIST") throw error;
    throw new CliError(
      ExitCode.Usage,
      `${path} is there already: --resume goes on where it ends, --force writes it anew`,
    );
  }
}

/** Goes on behind the last whole event of a file. */
async function resumeFile(
  storage: JobEventStorage,
  path: string,
  isRaw: boolean,
): Promise<Target> {
  // Reading and writing; a file that is not there is made.
  const handle = await open(path, "a+");
  try {
    let last: FileRecord | undefined;
    let first: number | undefined;
    const chunks = createReadStream(path, { highWaterMark: CHUNK_BYTES });
    const watched = (async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
        first ??= chunk[0];
        yield chunk;
      }
    })();
    for await (const records of readEventFile(watched, storage.subjects)) {
      last = records.at(-1) ?? last;
    }
    if (first !== undefined && isRaw === (first === "{".charCodeAt(0))) {
      throw new CliError(ExitCode.Usage, `${path} has the other form: add or leave out --raw`);
    }
    if (last !== undefined) await checkOrigin(storage, path, last);
    await handle.truncate(last?.end ?? 0);
    return fileTarget(handle, last?.sequence ?? 0);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Positions of one storage mean nothing in another. */
async function checkOrigin(
  storage: JobEventStorage,
  path: string,
  { record, sequence }: FileRecord,
): Promise<void> {
  const [event] = await storage.listEvents({ afterSequence: sequence - 1, limit: 1 });
  const { lastSequence } = await storage.healthCheck();
  const isOther = event?.natsSequence === sequence && !record.eventId.startsWith(event.eventId);
  if (!isOther && sequence > 0 && sequence <= lastSequence) return;
  throw new CliError(
    ExitCode.Usage,
    `${path} was not exported from this storage: its last event, ${record.eventId}, is not there ` +
      `at ${sequence}. Export to another file`,
  );
}

function fileTarget(handle: FileHandle, after: number): Target {
  return {
    after,
    write: async (data) => {
      for (let done = 0; done < data.length;) {
        done += (await handle.write(data, done)).bytesWritten;
      }
    },
    close: async () => {
      await handle.sync();
      await handle.close();
    },
  };
}
