/** A member of a group: asks for one message after the other, and settles each. */

import { isJobEventError, JobEventError } from "../errors.ts";
import { consumerInfo, NANOS_PER_MS, pullSubject } from "./ephemeral.ts";
import { connectionError } from "./foreign_errors.ts";
import { pause } from "./link.ts";
import {
  deliveredMessage,
  type DeliveryInfo,
  parseAckSubject,
  type StreamMessage,
} from "./message.ts";
import { isTransient, type ReadContext } from "./patience.ts";
import { type ReplyChannel, ReplyInbox } from "./replies.ts";

/** One message that is to be settled. */
export interface GroupDelivery {
  /** The message. */
  readonly message: StreamMessage;
  /** Which delivery of the message it is. */
  readonly info: DeliveryInfo;
  /** Where the server is told what became of it. */
  readonly ackSubject: string;
}

/** What the server can be told of a delivery. */
export type Settlement = "ack" | "progress" | { readonly nakMs: number };

const WAITING = {
  batch: 1,
  expires: 30_000 * NANOS_PER_MS,
  idle_heartbeat: 2000 * NANOS_PER_MS,
} as const;
/** Two heartbeats and a half: one may be late. */
const SILENCE_MS = 5000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2000;
/** Short at first: a server that has just started may not answer at all. */
const FIRST_SETTLE_TIMEOUT_MS = 500;
const LONGEST_SETTLE_TIMEOUT_MS = 5000;
const ACK = encode("+ACK");
const NAK = encode("-NAK");

/**
 * Asks for one message at a time: what a member has not got is there for the others, and no
 * delivery is counted that nobody saw.
 */
export class GroupReader {
  readonly #context: ReadContext;
  readonly #name: string;
  readonly #inbox: ReplyInbox;
  #channel: ReplyChannel | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  /**
   * Makes a reader.
   *
   * @param context What it shares with others.
   * @param name The name of the group's consumer.
   */
  constructor(context: ReadContext, name: string) {
    this.#context = context;
    this.#name = name;
    // An inbox of its own: when it is closed the server forgets what was asked for.
    this.#inbox = new ReplyInbox(context.link, ({ reply }) => this.giveBack(reply));
  }

  /**
   * The next message, or `undefined` when the signal has aborted.
   *
   * @throws {JobEventError} `ERR_NOT_FOUND`: the group or the stream was deleted. `ERR_CLOSED`: the
   * connection was closed.
   */
  async next(signal: AbortSignal): Promise<GroupDelivery | undefined> {
    while (!signal.aborted) {
      this.#assertConnected();
      this.#channel ??= this.#pull();
      const reply = await this.#channel.next(SILENCE_MS, signal);
      if (reply === "ended") break;
      if (typeof reply === "string") {
        await this.#recover(signal);
        continue;
      }
      const info = parseAckSubject(reply.reply);
      if (info !== undefined) {
        this.#endPull();
        this.#pauseMs = FIRST_PAUSE_MS;
        if (signal.aborted) {
          this.giveBack(reply.reply);
          break;
        }
        const message = deliveredMessage(reply, info.streamSequence);
        return { message, info, ackSubject: reply.reply! };
      }
      const status = reply.headers?.code;
      if (status === 100) continue;
      if (status === 404 || status === 408) this.#endPull();
      else await this.#recover(signal);
    }
    return undefined;
  }

  /** Asks for nothing more. What comes nevertheless is given back. */
  close(): void {
    this.#endPull();
    this.#inbox.close();
  }

  /** Gives a delivery to whoever asks next, without waiting for an answer. */
  giveBack(ackSubject: string | undefined): void {
    this.#publish(ackSubject, NAK);
  }

  /** Acknowledges a delivery that is for nobody, without waiting for an answer. */
  pass(ackSubject: string): void {
    this.#publish(ackSubject, ACK);
  }

  #pull(): ReplyChannel {
    const { stream } = this.#context;
    return this.#inbox.request(pullSubject(stream, this.#name), WAITING, this.#name);
  }

  #endPull(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** Something is wrong: waits until it may be right again, and finds out whether it can be. */
  async #recover(signal: AbortSignal): Promise<void> {
    const { link, stream } = this.#context;
    this.#endPull();
    await link.whenUp(LONGEST_PAUSE_MS, signal);
    if (signal.aborted) return;
    try {
      if (link.isUp && !await link.unlessLost(hasGroup(this.#context, this.#name))) {
        throw new JobEventError(
          "ERR_NOT_FOUND",
          `Cannot go on in group ${this.#name} of stream "${stream.name}": it was deleted`,
        );
      }
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
    await pause(this.#pauseMs, signal);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #publish(ackSubject: string | undefined, body: Uint8Array): void {
    const { connection } = this.#context.link;
    if (parseAckSubject(ackSubject) === undefined || connection.isClosed()) return;
    try {
      connection.publish(ackSubject!, body);
    } catch {
      // It is delivered again when its time is over.
    }
  }

  #assertConnected(): void {
    if (!this.#context.link.connection.isClosed()) return;
    throw new JobEventError(
      "ERR_CLOSED",
      `Cannot go on in group ${this.#name}: the connection is closed`,
    );
  }
}

/** Whether a group is there. */
async function hasGroup({ stream }: ReadContext, name: string): Promise<boolean> {
  try {
    return await consumerInfo(stream, name) !== undefined;
  } catch (error) {
    if (isJobEventError(error) && error.code === "ERR_NOT_FOUND") return false;
    throw error;
  }
}

/**
 * Tells the server what became of a delivery, and waits until it knows.
 *
 * @param delivery What is settled.
 * @param untilMs Goes on asking until then, in milliseconds since the Unix epoch.
 * @throws {JobEventError} `ERR_LEASE_LOST`: the group or the stream is not there any more, or the
 * server has forgotten the delivery. `ERR_UNAVAILABLE` or `ERR_TIMEOUT`: the server did not answer.
 */
export async function settle(
  context: ReadContext,
  { ackSubject, info }: GroupDelivery,
  settlement: Settlement,
  untilMs: number,
): Promise<void> {
  const { link } = context;
  const body = bodyOf(settlement);
  let timeout = FIRST_SETTLE_TIMEOUT_MS;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    // What is sent while the connection is down is thrown away.
    await link.whenUp(Math.max(untilMs - Date.now(), 0));
    try {
      await link.unlessLost(link.connection.request(ackSubject, body, { timeout }));
      return;
    } catch (cause) {
      const error = connectionError(`Cannot ${name(settlement)} delivery`, cause);
      if (!isTransient(error)) throw error;
      if (await isForgotten(context, info)) throw lost(settlement, cause);
      if (Date.now() + pauseMs >= untilMs) throw error;
    }
    timeout = Math.min(timeout * 2, LONGEST_SETTLE_TIMEOUT_MS);
    await pause(pauseMs);
  }
}

/**
 * Whether there is nothing to settle: the group is gone, or the server does not know that it
 * delivered the message. One that was killed may have forgotten its last deliveries; it answers
 * nothing when they are settled, and delivers the messages again.
 */
async function isForgotten({ stream, link }: ReadContext, info: DeliveryInfo): Promise<boolean> {
  if (!link.isUp) return false;
  try {
    const group = await link.unlessLost(consumerInfo(stream, info.consumer));
    return group === undefined || (group.delivered?.stream_seq ?? Infinity) < info.streamSequence;
  } catch (error) {
    return isJobEventError(error) && error.code === "ERR_NOT_FOUND";
  }
}

function bodyOf(settlement: Settlement): Uint8Array {
  if (settlement === "ack") return ACK;
  if (settlement === "progress") return encode("+WPI");
  const { nakMs } = settlement;
  return nakMs === 0 ? NAK : encode(`-NAK ${JSON.stringify({ delay: nanos(nakMs) })}`);
}

function nanos(ms: number): number {
  return Math.round(ms * NANOS_PER_MS);
}

function lost(settlement: Settlement, cause: unknown): JobEventError {
  return new JobEventError(
    "ERR_LEASE_LOST",
    `Cannot ${name(settlement)} delivery: its group or its stream was deleted, or the server was ` +
      "killed and has forgotten the delivery",
    { cause },
  );
}

function name(settlement: Settlement): string {
  if (typeof settlement === "object") return "give back";
  return settlement === "ack" ? "acknowledge" : "extend";
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
