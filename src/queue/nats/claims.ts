/** Claims: from a token to a task that somebody executes, and what ends that. */

import { EventIdSource } from "../../event/event_id.ts";
import { pause } from "../../nats/link.ts";
import { parseAckSubject } from "../../nats/message.ts";
import { leaseLost } from "../arguments.ts";
import { type TaskRecord, toClaimedTask } from "../record.ts";
import type { ClaimedTask, TaskClaim } from "../task.ts";
import { claimed, isHeld, judge, type Verdict } from "../transitions.ts";
import type { Delivery } from "./band.ts";
import type { Bands } from "./bands.ts";
import { isUndecodable } from "./decoder.ts";
import type { Token } from "./names.ts";
import type { Records, Version } from "./records.ts";
import type { Tokens } from "./tokens.ts";

/** A claim of this program. */
interface LiveClaim {
  readonly version: Version;
  readonly ackSubject: string;
}

/** What claims are made of. */
export interface ClaimContext {
  readonly records: Records;
  readonly tokens: Tokens;
  readonly bands: Bands;
  readonly leaseMs: number;
  /** A task ended that nobody executes. */
  readonly onEnded: (record: TaskRecord) => void;
  /** An occurrence of a schedule waits no more. */
  readonly onOccurrence: (record: TaskRecord) => Promise<void>;
}

/** A token may be there before its record: both are sent at the same time, the token first. */
const RECORD_PAUSES_MS = [1, 2, 5, 10, 20, 50];
const RECORD_FRESH_MS = 1000;
const RECORD_DELAY_MS = 500;
/** Whoever sent a token has long given up to store its record. */
const RECORD_PATIENCE_MS = 60_000;
/** How soon it is seen that a record can be decoded again. */
const UNDECODABLE_DELAY_MS = 60_000;

/** Makes and ends claims. */
export class Claims {
  readonly #context: ClaimContext;
  /** Random once, and counted from there: for each claim a token that no other has. */
  readonly #claimTokens = new EventIdSource();
  /** By claim token, about in the order in which they end. */
  readonly #live = new Map<string, LiveClaim>();

  /** There are no claims at first. */
  constructor(context: ClaimContext) {
    this.#context = context;
  }

  /**
   * Claims the task of a token.
   *
   * @returns `undefined`: there is nothing to claim, and the token has been taken care of.
   */
  async claim(
    delivery: Delivery,
    workerId: string | undefined,
  ): Promise<ClaimedTask | undefined> {
    try {
      return await this.#claim(delivery, workerId);
    } catch (error) {
      if (!isUndecodable(error)) throw error;
      // The others are not to wait for it, and it is not lost.
      this.#context.tokens.giveBack(delivery.ackSubject, UNDECODABLE_DELAY_MS);
      return undefined;
    }
  }

  async #claim(
    { token, ackSubject }: Delivery,
    workerId: string | undefined,
  ): Promise<ClaimedTask | undefined> {
    const { records, leaseMs } = this.#context;
    const known = await this.#find(token.id, ackSubject);
    let verdict: Verdict | undefined;
    const now = Date.now();
    const claimToken = this.#claimTokens.next();
    const version = known && await records.update(token.id, known, (record) => {
      verdict = token.generation > record.generation
        ? undefined
        : judge(record, token.generation, now);
      if (verdict?.action === "end") return verdict.record;
      if (verdict?.action !== "claim") return undefined;
      return claimed(record, { claimToken, leaseUntil: now + leaseMs, workerId }, now);
    });
    if (version === undefined || verdict === undefined) {
      this.#giveUp(ackSubject);
      return undefined;
    }
    const { record, isChanged } = version;
    if (isChanged && record.scheduleName !== undefined) await this.#context.onOccurrence(record);
    if (isChanged && verdict.action === "end") this.#context.onEnded(record);
    if (verdict.action === "claim") {
      this.#keep(claimToken, { version, ackSubject });
      return toClaimedTask(record, now);
    }
    if (verdict.action === "wait") this.#context.tokens.giveBack(ackSubject, verdict.delayMs);
    else await this.#drop(token, ackSubject, record);
    return undefined;
  }

  /** Extends the lease of a claim. */
  async extend(claim: TaskClaim): Promise<void> {
    const live = this.#live.get(claim.claimToken);
    const leaseUntil = Date.now() + this.#context.leaseMs;
    const change = (record: TaskRecord): TaskRecord => ({ ...record, leaseUntil });
    const version = await this.#change("extend the lease of", claim, change);
    if (live === undefined) return;
    this.#context.tokens.progress(live.ackSubject);
    this.#keep(claim.claimToken, { ...live, version });
  }

  /**
   * Ends a claim.
   *
   * @param change The record afterwards: in its queue once more, or ended.
   */
  async end(
    action: string,
    claim: TaskClaim,
    change: (record: TaskRecord) => TaskRecord,
  ): Promise<TaskRecord> {
    const { tokens } = this.#context;
    const live = this.#live.get(claim.claimToken);
    let { generation } = live?.version.record ?? { generation: 0 };
    const { record } = await this.#change(action, claim, (before) => {
      generation = before.generation;
      return change(before);
    });
    this.#live.delete(claim.claimToken);
    if (record.state === "pending") await this.line(record);
    if (live !== undefined) tokens.ack(live.ackSubject);
    else await tokens.remove({ ...record, generation });
    return record;
  }

  /** Puts the token of a pending record into the stream, where it is not there. */
  async line(record: TaskRecord): Promise<void> {
    const { tokens, bands } = this.#context;
    const token = tokens.of(record);
    await bands.ensure(token);
    await tokens.put(token, record.runAt);
  }

  /** The record of a token that may have come before it. */
  async #find(id: string, ackSubject: string): Promise<Version | undefined> {
    const { records } = this.#context;
    let version = await records.get(id);
    for (const pauseMs of RECORD_PAUSES_MS) {
      if (version !== undefined || ageMs(ackSubject) > RECORD_FRESH_MS) return version;
      await pause(pauseMs);
      version = await records.get(id);
    }
    return version;
  }

  /** There is no record, or one that is behind its token: whoever sent it may still write it. */
  #giveUp(ackSubject: string): void {
    const { tokens } = this.#context;
    if (ageMs(ackSubject) > RECORD_PATIENCE_MS) tokens.ack(ackSubject);
    else tokens.giveBack(ackSubject, RECORD_DELAY_MS);
  }

  /** A token that says nothing any more. */
  async #drop({ generation }: Token, ackSubject: string, record: TaskRecord): Promise<void> {
    // Whoever put the task into its queue again may have ended before the new token was there.
    if (record.state === "pending" && generation < record.generation) await this.line(record);
    this.#context.tokens.ack(ackSubject);
  }

  /** Keeps a claim, and forgets those that have ended. */
  #keep(claimToken: string, live: LiveClaim): void {
    const now = Date.now();
    for (const [each, { version }] of this.#live) {
      if ((version.record.leaseUntil ?? 0) > now) break;
      this.#live.delete(each);
    }
    this.#live.delete(claimToken);
    this.#live.set(claimToken, live);
  }

  async #change(
    action: string,
    claim: TaskClaim,
    change: (record: TaskRecord) => TaskRecord,
  ): Promise<Version> {
    const live = this.#live.get(claim.claimToken);
    const known = live?.version.record.id === claim.id ? live.version : undefined;
    const version = await this.#context.records.update(claim.id, known, (record) => {
      if (isHeld(record, claim, Date.now())) return change(record);
      this.#live.delete(claim.claimToken);
      throw leaseLost(action, claim);
    });
    if (version === undefined) throw leaseLost(action, claim);
    return version;
  }
}

/** How long ago a delivered token was stored, in milliseconds. */
function ageMs(ackSubject: string): number {
  return Date.now() - (parseAckSubject(ackSubject)?.storedAtMs ?? Date.now());
}
