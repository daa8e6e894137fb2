/** Files of events: NDJSON, or records of MessagePack with the events as they are encoded. */

import { Buffer } from "node:buffer";
import { messageOf } from "../errors.ts";
import type { JobEventSubjects } from "../event/subjects.ts";
import type { JobEvent, StoredJobEvent } from "../gen/types.ts";
import type { JobEventRecord } from "../storage/storage.ts";
import { CliError, ExitCode } from "./exit.ts";
import { eventFromJson, eventLine } from "./json.ts";
import { decodeRaw, RAW_MARK, rawEncoder, rawLength } from "./raw_record.ts";
import { toRecord } from "./records.ts";

/** One event in a file. */
export interface FileRecord {
  readonly record: JobEventRecord;
  /** Its position in the storage that it comes from; 0 where the file does not say. */
  readonly sequence: number;
  /** Where it ends in the file, in bytes. */
  readonly end: number;
}

/** The bytes of an event in a file. */
export function encodeFor(isRaw: boolean): (event: StoredJobEvent) => Uint8Array | string {
  return isRaw ? rawEncoder() : (event) => `${eventLine(event)}\n`;
}

/**
 * The events of a file, in parts as they are read.
 *
 * @param onCutOff Told of the bytes at the end of the file that are a part of an event only, as an
 * interrupted export leaves them.
 * @throws {CliError} Something in it is no event; the message says where.
 */
export async function* readEventFile(
  chunks: AsyncIterable<Uint8Array>,
  subjects: JobEventSubjects,
  onCutOff: (bytes: number) => void = () => {},
): AsyncGenerator<readonly FileRecord[], void> {
  let rest: Uint8Array = new Uint8Array();
  let offset = 0;
  let line = 0;
  let isRaw: boolean | undefined;
  for await (const chunk of chunks) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (data.length === 0) continue;
    isRaw ??= data[0] === RAW_MARK;
    const part = isRaw ? readRaw(data, offset, subjects) : readLines(data, offset, line, subjects);
    yield part.records;
    line += part.count;
    // A copy: what a stream reads next may come into the same buffer.
    rest = Uint8Array.from(data.subarray(part.size));
    offset += part.size;
  }
  if (rest.length === 0) return;
  // The last line of a file that somebody wrote may have no end; one that is cut off is no JSON.
  const last = Buffer.from(rest).toString("utf8");
  if (isRaw === true || !isJson(last)) return onCutOff(rest.length);
  yield [lineRecord(last, line + 1, offset + rest.length, subjects)];
}

interface Part {
  readonly records: readonly FileRecord[];
  /** How much of the data they take. */
  readonly size: number;
  /** Number of lines. */
  readonly count: number;
}

function readLines(
  data: Uint8Array,
  offset: number,
  line: number,
  subjects: JobEventSubjects,
): Part {
  const records: FileRecord[] = [];
  const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  let count = 0;
  let start = 0;
  for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, start)) {
    count++;
    const content = text.toString("utf8", start, end).trim();
    start = end + 1;
    if (content !== "") records.push(lineRecord(content, line + count, offset + start, subjects));
  }
  return { records, size: start, count };
}

function lineRecord(
  text: string,
  line: number,
  end: number,
  subjects: JobEventSubjects,
): FileRecord {
  try {
    const event = eventFromJson(JSON.parse(text));
    const { eventId, natsSequence, natsSubject: _, traceparent, gapMs: __, ...fields } = event;
    if (typeof eventId !== "string" || eventId === "") {
      throw new TypeError('it has no eventId; "emit -" takes events without one');
    }
    const trace = typeof traceparent === "string" ? { traceparent } : {};
    const stored = { ...fields as unknown as JobEvent, eventId, ...trace };
    const sequence = typeof natsSequence === "number" ? natsSequence : 0;
    return { record: toRecord(subjects, stored), sequence, end };
  } catch (error) {
    throw new CliError(ExitCode.Usage, `Line ${line} is no event: ${messageOf(error)}`);
  }
}

function readRaw(data: Uint8Array, offset: number, subjects: JobEventSubjects): Part {
  const records: FileRecord[] = [];
  let size = 0;
  for (;;) {
    const length = rawLength(data, size);
    if (length === undefined || size + length > data.length) break;
    const start = size;
    size += length;
    try {
      const { sequence, ...raw } = decodeRaw(data.subarray(start, size));
      records.push({ record: toRecord(subjects, raw, raw.payload), sequence, end: offset + size });
    } catch (error) {
      throw noRecord(offset + start, messageOf(error));
    }
  }
  if (size < data.length && data[size] !== RAW_MARK) {
    throw noRecord(offset + size, "it does not begin as one");
  }
  return { records, size, count: 0 };
}

function noRecord(offset: number, reason: string): CliError {
  return new CliError(ExitCode.Usage, `What is at byte ${offset} is no event: ${reason}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
