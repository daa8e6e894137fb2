/** The records of the tasks in their bucket: read, and changed by compare and set. */

import { JobEventError } from "../../errors.ts";
import { deleteEvery, deleteMessage } from "../../nats/delete.ts";
import { pause } from "../../nats/link.ts";
import { headerNumber } from "../../nats/message.ts";
import { isTransient, patiently, type ReadContext } from "../../nats/patience.ts";
import type { TaskRecord } from "../record.ts";
import { encodeRecord } from "./codec.ts";
import type { KeyDecoder } from "./decoder.ts";
import type { QueueNames } from "./names.ts";
import type { Requests } from "./requests.ts";

/** A record and which version of it. */
export interface Version {
  readonly record: TaskRecord;
  readonly revision: number;
}

interface Stored extends Version {
  readonly payload: Uint8Array;
}

/**
 * A record gets longer when its task is claimed and when it fails: a task that nobody could claim
 * is not to be taken. An error takes 24 KiB at the most.
 */
const ROOM_BYTES = 32 * 1024;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;
const SECOND_MS = 1000;
/** A server counts lives in seconds, up to this many. */
const MAX_TTL_S = 2 ** 31 - 1;

/** All records. */
export class Records {
  readonly #context: ReadContext;
  readonly #names: QueueNames;
  readonly #requests: Requests;
  readonly #decoder: KeyDecoder;
  readonly #keepMs: number;

  /** @param keepMs How long tasks that ended are kept, in milliseconds. */
  constructor(
    context: ReadContext,
    names: QueueNames,
    requests: Requests,
    decoder: KeyDecoder,
    keepMs: number,
  ) {
    this.#context = context;
    this.#names = names;
    this.#requests = requests;
    this.#decoder = decoder;
    this.#keepMs = keepMs;
  }

  /** Adds a record. Gives whether there was none of its id. */
  async create(record: TaskRecord): Promise<boolean> {
    const payload = encodeRecord(record);
    try {
      return await this.#store(record, payload, 0) !== undefined;
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
    return await patiently(this.#context, async () => {
      const stored = await this.#read(record.id);
      // An attempt that got no answer may have stored it.
      if (stored !== undefined) return sameBytes(stored.payload, payload);
      return await this.#store(record, payload, 0) !== undefined;
    });
  }

  /**
   * The record of a task.
   *
   * @throws {JobEventError} `ERR_DECODE`: it cannot be decoded; so does {@linkcode update}.
   */
  async get(id: string): Promise<Version | undefined> {
    try {
      return await this.#read(id);
    } catch (error) {
      if (!isTransient(error)) throw error;
      return await patiently(this.#context, () => this.#read(id));
    }
  }

  /**
   * Changes a record, again and again until nobody else has changed it meanwhile.
   *
   * @param known The version that is probably there. @default it is read first
   * @param change The new record; `undefined` to leave it as it is. May throw.
   * @returns The version that is there now, and whether it was changed; `undefined` when there is
   * no record.
   */
  async update(
    id: string,
    known: Version | undefined,
    change: (record: TaskRecord) => TaskRecord | undefined,
  ): Promise<Version & { readonly isChanged: boolean } | undefined> {
    const deadline = Date.now() + this.#context.patienceMs;
    let current = known;
    let tried: Uint8Array | undefined;
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        if (current === undefined) {
          const stored = await this.#read(id);
          if (stored === undefined) return undefined;
          // An attempt that got no answer has stored it.
          if (tried !== undefined && sameBytes(stored.payload, tried)) {
            return { ...stored, isChanged: true };
          }
          current = stored;
        }
        const record = change(current.record);
        if (record === undefined) return { ...current, isChanged: false };
        tried = encodeRecord(record);
        const revision = await this.#store(record, tried, current.revision);
        if (revision !== undefined) return { record, revision, isChanged: true };
        tried = undefined;
      } catch (error) {
        if (!isTransient(error) || Date.now() + pauseMs >= deadline) throw error;
        await pause(pauseMs);
        await this.#context.link.whenUp(Math.max(deadline - Date.now(), 0));
      }
      current = undefined;
    }
  }

  /** Deletes a version. Gives whether it was there. */
  async delete({ revision }: Version): Promise<boolean> {
    return await deleteMessage(this.#context, revision, false);
  }

  /** Deletes whatever is stored of a task. */
  async drop(id: string): Promise<void> {
    await deleteEvery(this.#context, this.#names.record(id), false);
  }

  /** One attempt. */
  async #read(id: string): Promise<Stored | undefined> {
    const { apiPrefix, name } = this.#context.stream;
    const subject = this.#names.record(id);
    const message = await this.#requests.request(`${apiPrefix}.DIRECT.GET.${name}.${subject}`);
    const { headers, data: payload } = message;
    const revision = headers === undefined ? undefined : headerNumber(headers, "Nats-Sequence");
    if (headers === undefined || headers.code === 404) return undefined;
    if (revision === undefined) {
      const text = `Cannot read task "${id}": ${headers.code} ${headers.description}`;
      throw new JobEventError("ERR_UNAVAILABLE", text);
    }
    // What other clients of KV leave when they delete a key.
    if (payload.length === 0) return undefined;
    const record = this.#decoder.record({ sequence: revision, subject, payload });
    return { record, revision, payload };
  }

  async #store(
    record: TaskRecord,
    payload: Uint8Array,
    expected: number,
  ): Promise<number | undefined> {
    const subject = this.#names.record(record.id);
    const ttlSeconds = record.finishedAt === undefined ? undefined : this.#ttl();
    const roomBytes = expected === 0 ? ROOM_BYTES : 0;
    const write = { subject, payload, expected, ttlSeconds, roomBytes };
    return await this.#requests.store(this.#context.stream.name, write);
  }

  #ttl(): number | undefined {
    if (!this.#context.stream.capabilities.messageTtl) return undefined;
    const seconds = Math.max(Math.ceil(this.#keepMs / SECOND_MS), 1);
    return seconds <= MAX_TTL_S ? seconds : undefined;
  }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
