/** Looks at many tasks: from what the server counts, where that says enough. */

import { readHistory } from "../../nats/history.ts";
import { patiently } from "../../nats/patience.ts";
import { compileFilter, rangeOf } from "../filter.ts";
import type { QueueInfo, TaskFilter, TaskQuery } from "../queue.ts";
import { stateAt, type TaskRecord, toTask } from "../record.ts";
import type { Task } from "../task.ts";
import { expired } from "../transitions.ts";
import { passOver } from "./decoder.ts";
import type { Token } from "./names.ts";
import type { QueueParts } from "./parts.ts";
import type { Version } from "./records.ts";
import { removeWhile } from "./single.ts";

/** How many tasks are worked on at the same time. */
const WINDOW = 64;
/** What has not changed for so long, in milliseconds, nobody is just about to change. */
const SETTLED_MS = 60_000;

/** The tasks of a query. */
export async function listTasks(context: QueueParts, query: TaskQuery): Promise<Task[]> {
  const { from, to } = rangeOf(query);
  const { matches, isAll } = compileFilter(query);
  const now = Date.now();
  const tasks: Task[] = [];
  let passed = 0;
  if (from >= to) return tasks;
  for await (const { record } of scan(context, isAll ? to : Infinity)) {
    if (!matches(record, now)) continue;
    if (passed++ >= from) tasks.push(toTask(record, now));
    if (passed >= to) break;
  }
  return tasks;
}

/** The number of tasks of a filter. */
export async function countTasks(context: QueueParts, filter: TaskFilter): Promise<number> {
  const { states, looksInside, isAll, matches } = compileFilter(filter);
  const isActive = [...states ?? ["all"]].every((each) => each === "pending" || each === "running");
  if (!looksInside && isActive) {
    const queues = filter.queue === undefined ? context.bands.names() : [filter.queue];
    const infos = await inWindows(queues, (queue) => queueInfo(context, queue));
    const pending = infos.reduce((sum, info) => sum + info.pending + info.delayed, 0);
    const running = infos.reduce((sum, info) => sum + info.running, 0);
    return (states?.has("pending") ? pending : 0) + (states?.has("running") ? running : 0);
  }
  if (isAll) return await countAll(context);
  const now = Date.now();
  let count = 0;
  for await (const { record } of scan(context, Infinity)) if (matches(record, now)) count++;
  return count;
}

/** The number of all tasks. */
export async function countAll({ bucket, names }: QueueParts): Promise<number> {
  const options = { subjectsFilter: names.allSchedules() };
  const { state } = await patiently(bucket, () => bucket.stream.info(options));
  return state.messages - Object.keys(state.subjects ?? {}).length;
}

/** What is in a queue, as the consumers of its bands count it. */
export async function queueInfo(context: QueueParts, queue: string): Promise<QueueInfo> {
  const { bands, tokens } = context;
  await tokens.settled();
  await bands.refresh();
  const { ready, later, at } = bands.of(queue);
  const waiting = [later, at].filter((band) => band !== undefined);
  const [ours, theirs] = await Promise.all(
    [ready, waiting].map((group) => Promise.all(group.map((band) => bands.info(band)))),
  );
  return {
    pending: ours!.reduce((sum, info) => sum + info.waiting, 0),
    running: ours!.reduce((sum, info) => sum + info.delivered, 0),
    delayed: theirs!.reduce((sum, info) => sum + info.waiting + info.delivered, 0),
  };
}

/** The queues that are not empty. */
export async function listQueues(context: QueueParts): Promise<string[]> {
  const names = context.bands.names();
  const infos = await inWindows(names, (queue) => queueInfo(context, queue));
  return names.filter((_, at) => Object.values(infos[at]!).some((count) => count > 0)).sort();
}

/** Deletes the pending tasks of a queue. */
export async function purgeQueue(context: QueueParts, queue: string): Promise<number> {
  const { stream, names } = context;
  let purged = 0;
  for (const place of ["at", "later", "ready"] as const) {
    const options = { subjectsFilter: names.place(place, queue) };
    const { state } = await patiently(stream, () => stream.stream.info(options));
    const tokens = Object.keys(state.subjects ?? {}).flatMap((each) =>
      names.parseToken(each) ?? []
    );
    const outcomes = await inWindows(tokens, (token) => purgeOne(context, token));
    purged += outcomes.filter((isPurged) => isPurged).length;
  }
  return purged;
}

async function purgeOne(context: QueueParts, { id, queue }: Token): Promise<boolean> {
  const isWanted = (record: TaskRecord): boolean =>
    record.state === "pending" && record.queue === queue;
  return await passOver(() => removeWhile(context, id, isWanted)) ?? false;
}

/** Ends what has expired, deletes what ended long ago, and finds what was lost. */
export async function cleanup(context: QueueParts): Promise<number> {
  const { stream, schedules, keepMs } = context;
  const now = Date.now();
  const { state } = await patiently(stream, () => stream.stream.info());
  const over: Version[] = [];
  let active = 0;
  for await (const version of scan(context, Infinity)) {
    const { state, finishedAt = Infinity } = version.record;
    if (state === "pending" || state === "running") active++;
    const isExpired = state === "pending" && stateAt(version.record, now) === "expired";
    if (isExpired || finishedAt + keepMs <= now) over.push(version);
  }
  const outcomes = await inWindows(over, (version) => endOne(context, version, now));
  // One message is no token.
  if (active >= state.messages) await relineAll(context, now);
  await schedules.repair();
  return outcomes.filter((isEnded) => isEnded).length;
}

async function endOne(context: QueueParts, version: Version, now: number): Promise<boolean> {
  const { records, tokens, schedules } = context;
  const { record } = version;
  if (record.finishedAt !== undefined) return await records.delete(version);
  if (record.scheduleName !== undefined) await schedules.follow(record);
  const after = await records.update(record.id, version, (before) => {
    const isOver = before.state === "pending" && stateAt(before, now) === "expired";
    return isOver ? expired(before, now) : undefined;
  });
  if (after?.isChanged !== true) return false;
  context.onEnded(after.record);
  await tokens.remove(record);
  return true;
}

/** There are fewer tokens than tasks: somebody has deleted some from the stream. */
async function relineAll(context: QueueParts, now: number): Promise<void> {
  const lost: Version[] = [];
  for await (const version of scan(context, Infinity)) {
    const { state, createdAt, startedAt = createdAt } = version.record;
    const isActive = state === "pending" || state === "running";
    if (isActive && startedAt + SETTLED_MS < now) lost.push(version);
  }
  await inWindows(lost, ({ record }) => context.claims.line(record));
}

/** All records, without those that cannot be decoded. */
async function* scan(
  { bucket, names, decoder }: QueueParts,
  wanted: number,
): AsyncGenerator<Version> {
  const patterns = [names.allRecords()];
  const options = { patterns, afterSequence: 0, order: "oldest", wanted } as const;
  for await (const batch of readHistory(bucket, options)) {
    for (const message of batch) {
      if (message.payload.length === 0) continue;
      const record = await passOver(() => decoder.record(message));
      if (record !== undefined) yield { record, revision: message.sequence };
    }
  }
}

async function inWindows<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += WINDOW) {
    results.push(...await Promise.all(items.slice(start, start + WINDOW).map(work)));
  }
  return results;
}
