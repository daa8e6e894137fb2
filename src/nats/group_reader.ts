/** Gets the messages of a group's consumer, some of them before they are asked for. */

import { isJobEventError, JobEventError } from "../errors.ts";
import { consumerInfo, NANOS_PER_MS, pullSubject } from "./ephemeral.ts";
import type { GroupDelivery, GroupReaderOwner } from "./group_delivery.ts";
import { pause } from "./link.ts";
import { deliveredMessage, parseAckSubject } from "./message.ts";
import type { NatsMessageLike } from "./connection.ts";
import { Pace } from "./pace.ts";
import { pageBytes } from "./pages.ts";
import { isTransient, type ReadContext } from "./patience.ts";
import { ReplyInbox } from "./replies.ts";
import { ACK, NAK, PROGRESS } from "./settle.ts";

/** What is asked for. */
interface Wanted {
  readonly batch: number;
  readonly waits: boolean;
}

const WAITING = {
  expires: 30_000 * NANOS_PER_MS,
  idle_heartbeat: 2000 * NANOS_PER_MS,
} as const;
/** Two heartbeats and a half: one may be late. */
const SILENCE_MS = 5000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2000;
/** A group that is set back is away for a moment; one that is away for longer was deleted. */
const MISSING_MS = 2000;
const SWEEP_MS = 1000;
/** What nobody takes for so long is given back: somebody was slower than before. */
const PATIENCE_MS = 500;

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
  readonly #pace = new Pace();
  #waiting: GroupDelivery[] = [];
  // An inbox of its own: when it is closed the server forgets what was asked for.
  #inbox: ReplyInbox | undefined;
  /** Where messages go that come too late; while it is not there they are given back at once. */
  #late: GroupDelivery[] | undefined;
  /** Whether the server may still have a request. */
  #isOpen = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #takenAt = Date.now();
  #pauseMs = FIRST_PAUSE_MS;
  #missingSince: number | undefined;
  #isReading = false;
  #wake: ((wanted: Wanted) => void) | undefined;
  #reading: Promise<boolean> | undefined;
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

  /**
   * Asks the server for more, if it is time.
   *
   * @param waits Whether somebody waits for the next message. Otherwise only what is there now is
   * asked for: no request stays with the server that nobody waits for.
   */
  ask(waits: boolean): void {
    if (!this.#isReading) {
      this.#isReading = true;
      this.#read().catch((error) => {
        this.#error = error;
        this.#waiting = [];
        this.#owner.onArrival();
      });
    }
    if (this.#wake === undefined) return;
    const { ahead } = this.#pace;
    const room = Math.min(this.#owner.room(), ahead);
    const wanted = room - this.#waiting.length;
    if (!waits && (wanted <= 0 || wanted < room / 2)) return;
    this.#pace.ask(ahead);
    this.#wake({ batch: Math.max(wanted, 1), waits });
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
    this.#pace.come();
    for (;;) {
      const delivery = this.#waiting.shift();
      if (delivery === undefined) break;
      const now = this.#takenAt;
      // Meanwhile it may be somebody else's.
      if (delivery.dueAt <= now) continue;
      this.#pace.take();
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
    // What is on its way comes, so that no request is left with the server.
    if (this.#reading !== undefined) await Promise.race([this.#reading, pause(SWEEP_MS)]);
    this.#ended.abort();
    this.#wake?.({ batch: 0, waits: false });
    clearTimeout(this.#timer);
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
    while (!signal.aborted) {
      this.#assertConnected();
      const wanted = await new Promise<Wanted>((resolve) => {
        this.#wake = resolve;
        this.#owner.onArrival();
      });
      this.#wake = undefined;
      if (signal.aborted) break;
      const reading = this.#pull(wanted);
      if (!wanted.waits) this.#reading = reading;
      const isFine = await reading;
      this.#reading = undefined;
      if (!isFine) await this.#recover();
    }
  }

  /** Asks for messages until they are here, or there are no more. Gives `false` for trouble. */
  async #pull({ batch, waits }: Wanted): Promise<boolean> {
    const { stream } = this.#context;
    const body = {
      batch,
      ...(batch === 1 ? {} : { max_bytes: pageBytes(stream) }),
      ...(waits ? WAITING : { no_wait: true }),
    };
    this.#inbox ??= this.#newInbox();
    this.#owner.onRequest();
    const channel = this.#inbox.request(pullSubject(stream, this.#name), body, this.#name);
    this.#isOpen = true;
    try {
      for (let left = batch; left > 0;) {
        const reply = channel.take() ?? await channel.next(SILENCE_MS, this.#ended.signal);
        if (reply === "ended") return true;
        if (typeof reply === "string") return false;
        const delivery = this.#delivery(reply);
        if (delivery !== undefined) {
          left--;
          this.#pauseMs = FIRST_PAUSE_MS;
          if (!this.#owner.onMessage(delivery)) continue;
          this.#waiting.push(delivery);
          this.#keepLater();
          // After the last one it is said when more can be asked for.
          if (left > 0) this.#owner.onArrival();
          continue;
        }
        const { code, description = "" } = reply.headers ?? {};
        if (code === 100) continue;
        this.#isOpen = false;
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

  #keepLater(): void {
    const delayMs = Math.max(Math.min(this.#owner.ackWaitMs / 3, PATIENCE_MS / 2), 1);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#keepAll();
      if (this.#waiting.length > 0) this.#keepLater();
    }, delayMs);
  }

  /** Begins the time anew of what waits here; or gives it back, if nobody comes for it. */
  #keepAll(): void {
    const { ackWaitMs } = this.#owner;
    const now = Date.now();
    if (now - this.#takenAt >= PATIENCE_MS && !this.#owner.isAsked()) {
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
