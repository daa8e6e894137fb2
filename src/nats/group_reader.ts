/** Gets the messages of a group's consumer, some of them before they are asked for. */

import { isJobEventError, JobEventError } from "../errors.ts";
import { consumerInfo, NANOS_PER_MS, pullSubject } from "./ephemeral.ts";
import { pause } from "./link.ts";
import {
  deliveredMessage,
  type DeliveryInfo,
  parseAckSubject,
  type StreamMessage,
} from "./message.ts";
import type { NatsMessageLike } from "./connection.ts";
import { pageBytes } from "./pages.ts";
import { isTransient, type ReadContext } from "./patience.ts";
import { ReplyInbox } from "./replies.ts";
import { ACK, NAK, PROGRESS } from "./settle.ts";

/** One message that is to be settled. */
export interface GroupDelivery {
  /** The message, as it was delivered. */
  readonly message: StreamMessage;
  /** Which delivery it is. */
  readonly info: DeliveryInfo;
  /** Where the server is told what became of it. */
  readonly ackSubject: string;
  /** That of the stream which delivered it. */
  readonly context: ReadContext;
  /** Until when it is not delivered again, in milliseconds since the Unix epoch. */
  readonly dueAt: number;
}

/** Whom a reader reads for. */
export interface GroupReaderOwner {
  /** A delivery that is not settled within this time is delivered again, in milliseconds. */
  readonly ackWaitMs: number;
  /** How many messages may be here that nobody has taken. */
  room(): number;
  /** Whether somebody waits for a message. */
  isAsked(): boolean;
  /** A message came. Gives whether it waits here to be taken; else it is dealt with. */
  onMessage(delivery: GroupDelivery): boolean;
  /** There is a message to take, an error, or reason to {@linkcode GroupReader.ask} again. */
  onArrival(): void;
  /** Nobody took the message. */
  onUnseen(delivery: GroupDelivery): void;
  /** The consumer was made by then; called when it may be another one than before. */
  onConsumer(created: string): void;
}

const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 2000;
/** Two heartbeats and a half: one may be late. */
const SILENCE_MS = 5000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2000;
/** A group that is set back is away for a moment; one that is away for longer was deleted. */
const MISSING_MS = 2000;
const SWEEP_MS = 1000;
/** The most messages that are here before somebody asks for them. */
const MAX_AHEAD = 64;
/** What is taken in this time is read ahead. */
const AHEAD_MS = 20;

/**
 * Reads ahead what is taken in a moment, so that the server is not waited for and other members get
 * their share: asks for more when half of it is left, and keeps what waits here from being
 * delivered to others. What nobody takes is given back after a while.
 */
export class GroupReader {
  readonly #context: ReadContext;
  readonly #name: string;
  readonly #owner: GroupReaderOwner;
  readonly #ended = new AbortController();
  #waiting: GroupDelivery[] = [];
  // An inbox of its own: when it is closed the server forgets what was asked for.
  #inbox: ReplyInbox | undefined;
  /** Where messages go that come too late; while it is not there they are given back at once. */
  #late: GroupDelivery[] | undefined;
  /** Whether the server may still have a request. */
  #isOpen = false;
  #takenAt = Date.now();
  #ahead = 1;
  /** What was taken since more was asked for, and how long whoever took it was busy with it. */
  #taken = 0;
  #busyMs = 0;
  #busySince: number | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #missingSince: number | undefined;
  #isReading = false;
  #wake: ((wanted: number) => void) | undefined;
  #error: unknown;

  /**
   * Makes a reader; the first {@linkcode ask} begins.
   *
   * @param context That of the stream.
   * @param name The name of the consumer.
   * @param owner Whom it reads for.
   */
  constructor(context: ReadContext, name: string, owner: GroupReaderOwner) {
    this.#context = context;
    this.#name = name;
    this.#owner = owner;
  }

  /** How many messages wait here. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Asks the server for more, if it is time. */
  ask(): void {
    if (!this.#isReading) {
      this.#isReading = true;
      this.#read().catch((error) => {
        this.#error = error;
        this.#waiting = [];
        this.#owner.onArrival();
      });
    }
    if (this.#wake === undefined) return;
    const pace = this.#taken / Math.max(this.#busyMs, 0.001);
    const ahead = Math.min(Math.ceil(pace * AHEAD_MS), this.#ahead * 2, MAX_AHEAD);
    const room = Math.min(this.#owner.room(), Math.max(ahead, 1));
    const wanted = room - this.#waiting.length;
    if (wanted <= 0 || wanted < room / 2) return;
    this.#ahead = Math.max(ahead, 1);
    this.#taken = this.#busyMs = 0;
    this.#wake(wanted);
    this.#wake = undefined;
  }

  /**
   * Says what ended the reading.
   *
   * @throws {JobEventError} `ERR_NOT_FOUND`: the group or the stream was deleted. `ERR_CLOSED`: the
   * connection was closed. Or the server refuses.
   */
  assertReading(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** The next message, if there is one. */
  take(): GroupDelivery | undefined {
    this.#takenAt = Date.now();
    const { ackWaitMs } = this.#owner;
    const time = performance.now();
    if (this.#busySince !== undefined) this.#busyMs += time - this.#busySince;
    this.#busySince = undefined;
    for (;;) {
      const delivery = this.#waiting.shift();
      if (delivery === undefined) break;
      const now = this.#takenAt;
      // Meanwhile it may be somebody else's.
      if (delivery.dueAt <= now) continue;
      this.#taken++;
      this.#busySince = time;
      if (delivery.dueAt - now > ackWaitMs * 0.9) return delivery;
      this.keep(delivery);
      return { ...delivery, dueAt: now + ackWaitMs };
    }
    return undefined;
  }

  /** Drops a message that was settled by who had it before. */
  discard(sequence: number): void {
    this.#waiting = this.#waiting.filter(({ message }) => message.sequence !== sequence);
  }

  /** Drops everything: it was delivered by a consumer that is not there any more. */
  restart(): void {
    this.#waiting = [];
    this.#inbox?.close();
    this.#inbox = undefined;
  }

  /**
   * Asks for nothing more.
   *
   * @returns What is here that nobody has taken.
   */
  async close(): Promise<GroupDelivery[]> {
    this.#ended.abort();
    this.#wake?.(0);
    return await this.#unseen();
  }

  /** Gives a delivery to whoever asks next, without waiting for an answer. */
  giveBack({ ackSubject }: GroupDelivery): void {
    this.#publish(ackSubject, NAK);
  }

  /** Begins the time of a delivery anew, without waiting for an answer. */
  keep({ ackSubject }: GroupDelivery): void {
    this.#publish(ackSubject, PROGRESS);
  }

  /** Acknowledges a delivery that is for nobody, without waiting for an answer. */
  pass({ ackSubject }: GroupDelivery): void {
    this.#publish(ackSubject, ACK);
  }

  async #read(): Promise<void> {
    const { signal } = this.#ended;
    const timer = setInterval(() => this.#keepAll(), Math.max(this.#owner.ackWaitMs / 3, 1));
    try {
      while (!signal.aborted) {
        this.#assertConnected();
        const wanted = await new Promise<number>((resolve) => {
          this.#wake = resolve;
          this.#owner.onArrival();
        });
        if (signal.aborted) break;
        if (!await this.#pull(wanted)) await this.#recover();
      }
    } finally {
      clearInterval(timer);
    }
  }

  /** Asks for messages until they are here, or none came for a while. Gives `false` for trouble. */
  async #pull(batch: number): Promise<boolean> {
    const { stream } = this.#context;
    const body = {
      batch,
      ...(batch === 1 ? {} : { max_bytes: pageBytes(stream) }),
      expires: EXPIRES_MS * NANOS_PER_MS,
      idle_heartbeat: HEARTBEAT_MS * NANOS_PER_MS,
    };
    this.#inbox ??= this.#newInbox();
    const channel = this.#inbox.request(pullSubject(stream, this.#name), body, this.#name);
    this.#isOpen = true;
    try {
      for (let left = batch; left > 0;) {
        const reply = await channel.next(SILENCE_MS, this.#ended.signal);
        if (reply === "ended") return true;
        if (typeof reply === "string") return false;
        const delivery = this.#delivery(reply);
        if (delivery !== undefined) {
          left--;
          this.#pauseMs = FIRST_PAUSE_MS;
          if (!this.#owner.onMessage(delivery)) continue;
          this.#waiting.push(delivery);
          this.#owner.onArrival();
          continue;
        }
        const { code, description = "" } = reply.headers ?? {};
        if (code === 100) continue;
        return code === 404 || code === 408 ||
          (code === 409 && /batch completed|maxbytes/i.test(description));
      }
      this.#isOpen = false;
      return true;
    } finally {
      channel.close();
    }
  }

  #newInbox(): ReplyInbox {
    return new ReplyInbox(this.#context.link, (message) => {
      const delivery = this.#delivery(message);
      if (delivery === undefined) return;
      if (this.#late === undefined) this.#owner.onUnseen(delivery);
      else this.#late.push(delivery);
    });
  }

  /** Takes back what was asked for. Gives what is here, and what came nevertheless. */
  async #unseen(): Promise<GroupDelivery[]> {
    const unseen = this.#late = this.#waiting.splice(0);
    const inbox = this.#inbox;
    this.#inbox = undefined;
    inbox?.close();
    try {
      if (this.#isOpen && this.#context.link.isUp) await this.#sweep();
    } finally {
      this.#late = undefined;
    }
    return unseen;
  }

  /**
   * Has the server forget requests whose inbox is closed. It finds out when it looks for somebody
   * to give a message to; one that was given back is then moved behind the others, or by an old
   * server lost until its time is over. It also finds out when a later request expires.
   */
  async #sweep(): Promise<void> {
    const inbox = this.#newInbox();
    try {
      const subject = pullSubject(this.#context.stream, this.#name);
      const body = { batch: 1, expires: NANOS_PER_MS };
      const channel = inbox.request(subject, body, this.#name);
      const reply = await channel.next(SWEEP_MS);
      channel.close();
      const delivery = typeof reply === "string" ? undefined : this.#delivery(reply);
      if (delivery !== undefined) this.#late?.push(delivery);
    } catch {
      // The connection does not take it: then there is nothing to give back either.
    } finally {
      inbox.close();
    }
  }

  #delivery(reply: NatsMessageLike): GroupDelivery | undefined {
    const info = parseAckSubject(reply.reply);
    if (info === undefined) return undefined;
    return {
      message: deliveredMessage(reply, info.streamSequence),
      info,
      ackSubject: reply.reply!,
      context: this.#context,
      dueAt: Date.now() + this.#owner.ackWaitMs,
    };
  }

  /** Begins the time anew of what waits here; or gives it back, if nobody comes for it. */
  #keepAll(): void {
    const { ackWaitMs } = this.#owner;
    const now = Date.now();
    if (now - this.#takenAt >= ackWaitMs && !this.#owner.isAsked()) {
      void this.#giveUp();
      return;
    }
    if (!this.#context.link.isUp) return;
    const dueAt = now + ackWaitMs;
    this.#waiting = this.#waiting.filter((delivery) => delivery.dueAt > now).map((delivery) => {
      this.keep(delivery);
      return { ...delivery, dueAt };
    });
  }

  async #giveUp(): Promise<void> {
    if (this.#inbox === undefined) return;
    for (const delivery of await this.#unseen()) this.#owner.onUnseen(delivery);
  }

  /** Something is wrong: waits until it may be right again, and finds out whether it can be. */
  async #recover(): Promise<void> {
    const { link, stream } = this.#context;
    const { signal } = this.#ended;
    await link.whenUp(LONGEST_PAUSE_MS, signal);
    if (signal.aborted) return;
    try {
      const group = link.isUp && await link.unlessLost(consumerInfo(stream, this.#name));
      if (group === undefined) this.#miss();
      else if (group !== false) {
        this.#missingSince = undefined;
        this.#owner.onConsumer(group.created);
      }
    } catch (error) {
      if (!isTransient(error)) throw this.#explain(error);
    }
    await pause(this.#pauseMs, signal);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #miss(): void {
    this.#missingSince ??= Date.now();
    this.#pauseMs = Math.min(this.#pauseMs, MISSING_MS / 10);
    if (Date.now() - this.#missingSince < MISSING_MS) return;
    throw this.#gone();
  }

  #explain(error: unknown): unknown {
    return isJobEventError(error) && error.code === "ERR_NOT_FOUND" ? this.#gone() : error;
  }

  #gone(): JobEventError {
    return new JobEventError(
      "ERR_NOT_FOUND",
      `Cannot go on in group ${this.#name} of stream "${this.#context.stream.name}": it was ` +
        "deleted",
    );
  }

  #publish(ackSubject: string, body: Uint8Array): void {
    const { connection } = this.#context.link;
    if (connection.isClosed()) return;
    try {
      connection.publish(ackSubject, body);
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
