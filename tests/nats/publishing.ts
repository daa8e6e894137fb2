/** What tests of the write side over NATS share. */

import assert from "node:assert/strict";
import { connect as openConnection, type ConnectOptions } from "../../src/connect/node.ts";
import { encodeJobEvent } from "../../src/event/encode.ts";
import type { JobEventSubjects } from "../../src/event/subjects.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import type { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import type { EventStream } from "../../src/nats/stream.ts";
import type { AppendOutcome, JobEventRecord } from "../../src/storage/storage.ts";

/** A first start may install the server, and Bun allows 5 seconds where nothing is said. */
export const TIMEOUT_MS = 120_000;

/** A connection that a block closes. */
export type TestConnection = NatsConnectionLike & AsyncDisposable & {
  stats(): { readonly outMsgs: number };
};

/** Connects; the end of the block closes. A lost connection is tried again soon. */
export async function connect(
  servers: string | readonly string[],
  options: Omit<ConnectOptions, "servers"> = {},
): Promise<TestConnection> {
  const connection = await openConnection({
    servers,
    reconnectWaitMs: 20,
    reconnectJitterMs: 5,
    ...options,
  });
  const disposable = { [Symbol.asyncDispose]: () => connection.close() };
  // The type of this package does not know that nats-core counts.
  return Object.assign(connection as TestConnection, disposable);
}

/** A record of a job's `started` event, with an id that says which one it is. */
export function record(
  subjects: JobEventSubjects,
  jobId: string,
  eventId: string,
  message: string = eventId,
): JobEventRecord {
  const event = JobEvent.started(jobId, "worker-1", "async", { message });
  return { eventId, subject: subjects.forEvent(event), payload: encodeJobEvent(event) };
}

/** Records of some jobs in turn; the ids are `{name}.{job}.{number}`, rising within each job. */
export function records(
  subjects: JobEventSubjects,
  name: string,
  count: number,
  jobs = 1,
): JobEventRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const job = `job-${index % jobs}`;
    return record(subjects, job, `${name}.${job}.${Math.floor(index / jobs)}`);
  });
}

/** Statuses alone, for a comparison that prints well. */
export function statuses(outcomes: readonly AppendOutcome[]): string[] {
  return outcomes.map(({ status }) => status);
}

/** The code and message of an outcome that is a failure. */
export function failure(outcome: AppendOutcome | undefined): string {
  assert.ok(outcome !== undefined && "error" in outcome, `no failure: ${JSON.stringify(outcome)}`);
  return `${outcome.status} ${outcome.error.code}: ${outcome.error.message}`;
}

/** The ids of everything in a stream, in its order. */
export async function storedIds(stream: EventStream): Promise<string[]> {
  const decoder = new TextDecoder();
  const { state } = await stream.info();
  const ids: string[] = [];
  const read = async (seq: number): Promise<string> => {
    const { message } = await stream.request<{ message: { hdrs?: string } }>(
      `STREAM.MSG.GET.${stream.name}`,
      { seq },
    );
    const bytes = Uint8Array.from(atob(message.hdrs ?? ""), (each) => each.charCodeAt(0));
    return /Nats-Msg-Id: (.*)\r\n/.exec(decoder.decode(bytes))?.[1] ?? "";
  };
  if (state.messages === 0) return ids;
  for (let from = state.first_seq; from <= state.last_seq; from += 500) {
    const length = Math.min(500, state.last_seq - from + 1);
    ids.push(...await Promise.all(Array.from({ length }, (_, index) => read(from + index))));
  }
  return ids;
}

/** What must hold after any failure: nothing acknowledged is lost, or twice, or out of order. */
export function assertKept(stored: readonly string[], acknowledged: Iterable<string>): void {
  assert.equal(new Set(stored).size, stored.length, "something is stored twice");
  const there = new Set(stored);
  const lost = [...acknowledged].filter((id) => !there.has(id));
  assert.deepEqual(lost, [], "something that was acknowledged is lost");
  const last = new Map<string, number>();
  for (const id of stored) {
    const at = id.lastIndexOf(".");
    const [job, number] = [id.slice(0, at), Number(id.slice(at + 1))];
    const before = last.get(job) ?? -1;
    assert.ok(number > before, `${id} is stored after number ${before} of the same job`);
    last.set(job, number);
  }
}

/** What {@linkcode appendAll} has seen. */
export interface AppendReport {
  /** The ids that were acknowledged, in that order. */
  readonly acknowledged: string[];
  /** How many outcomes were `retry`. */
  retries: number;
  /** How many outcomes were `duplicate`. */
  duplicates: number;
}

/**
 * Appends in batches as a logger does: one batch at a time, and what has to be sent again goes
 * before everything else.
 */
export async function appendAll(
  publisher: NatsJobEventPublisher,
  todo: readonly JobEventRecord[],
  options: { readonly batch?: number; readonly onBatch?: (acknowledged: number) => void } = {},
): Promise<AppendReport> {
  const { batch = 100, onBatch } = options;
  const report: AppendReport = { acknowledged: [], retries: 0, duplicates: 0 };
  let left = [...todo];
  while (left.length > 0) {
    const sending = left.slice(0, batch);
    const outcomes = await publisher.append(sending);
    const again = sending.filter((_, index) => outcomes[index]!.status === "retry");
    sending.forEach(({ eventId }, index) => {
      const { status } = outcomes[index]!;
      if (status === "rejected") assert.fail(failure(outcomes[index]));
      if (status === "retry") report.retries++;
      else report.acknowledged.push(eventId);
      if (status === "duplicate") report.duplicates++;
    });
    left = [...again, ...left.slice(batch)];
    onBatch?.(report.acknowledged.length);
    // While the server is away every append ends at once.
    if (again.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return report;
}
