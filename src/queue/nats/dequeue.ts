/** Waiting for the next task: list order, then priority, then first in. */

import { JobEventError } from "../../errors.ts";
import type { ConnectionLink } from "../../nats/link.ts";
import { type CancelTimer, startTimer } from "../../timer.ts";
import { type DequeueRequest, queueClosed } from "../arguments.ts";
import type { ClaimedTask } from "../task.ts";
import { released } from "../transitions.ts";
import type { Band, Delivery, TokenTaker } from "./band.ts";
import type { Bands } from "./bands.ts";
import type { Claims } from "./claims.ts";
import type { Tokens } from "./tokens.ts";

/** What dequeueing needs. */
export interface DequeueContext {
  readonly link: ConnectionLink;
  readonly bands: Bands;
  readonly claims: Claims;
  readonly tokens: Tokens;
  /** Aborts when the queue is closed. */
  readonly closed: AbortSignal;
}

/** Claims the next task; `null` when the time is over. */
export async function dequeue(
  context: DequeueContext,
  request: DequeueRequest,
): Promise<ClaimedTask | null> {
  const { link, bands, claims } = context;
  const { timeoutMs, signal, workerId } = request;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    await bands.refresh();
    const delivery = await find(context, request, deadline);
    assertWanted(context, request, delivery);
    if (delivery === undefined) {
      if (link.isUp) return null;
      const [code, state] = link.connection.isClosed()
        ? ["ERR_CLOSED", "closed"] as const
        : ["ERR_UNAVAILABLE", "down"] as const;
      throw new JobEventError(code, `Cannot dequeue: the connection is ${state}`);
    }
    const task = await claims.claim(delivery, workerId);
    if (task === undefined) continue;
    if (signal?.aborted !== true) return task;
    await claims.end("release", task, (record) => released(record, Date.now()));
    throw signal.reason;
  }
}

/** A token to claim; `undefined` when the time is over. */
async function find(
  context: DequeueContext,
  request: DequeueRequest,
  deadline: number,
): Promise<Delivery | undefined> {
  const { signal, timeoutMs } = request;
  // To wait for a single band is as quick as to ask it.
  if (timeoutMs === 0 || inOrder(context, request).length > 1) {
    const polled = await poll(context, request);
    if (polled !== undefined || timeoutMs === 0) return polled;
  }
  if (signal?.aborted || context.closed.aborted) return undefined;
  return await wait(context, request, deadline - performance.now());
}

function inOrder({ bands }: DequeueContext, { queues }: DequeueRequest): readonly Band[] {
  const [first, ...rest] = queues.map((queue) => bands.of(queue).ready);
  return rest.length === 0 ? first! : [first!, ...rest].flat();
}

/** Asks one band after the other. */
async function poll(
  context: DequeueContext,
  request: DequeueRequest,
): Promise<Delivery | undefined> {
  const bands = inOrder(context, request);
  for (const band of bands.length === 1 ? [] : bands) {
    const delivery = await band.poll(false);
    if (delivery !== undefined) return delivery;
    if (request.signal?.aborted || context.closed.aborted) return undefined;
  }
  return request.timeoutMs === 0 ? await pollAll(context, request) : undefined;
}

/** Asks all bands at the same time, also those that came meanwhile, before it says no. */
async function pollAll(
  context: DequeueContext,
  request: DequeueRequest,
): Promise<Delivery | undefined> {
  const asked = inOrder(context, request).map((band) => band.poll(true));
  const [first, ...others] = (await Promise.all(asked)).filter((each) => each !== undefined);
  for (const { ackSubject } of others) context.tokens.giveBack(ackSubject);
  return first;
}

/** Waits for whichever band has a token first. */
function wait(
  context: DequeueContext,
  request: DequeueRequest,
  timeoutMs: number,
): Promise<Delivery | undefined> {
  const { bands, closed, link } = context;
  const { queues, signal } = request;
  if (link.connection.isClosed()) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const joined = new Set<Band>();
    let isOver = false;
    let cancelTimer: CancelTimer | undefined;
    const end = (delivery?: Delivery): void => {
      isOver = true;
      cancelTimer?.();
      signal?.removeEventListener("abort", stop);
      closed.removeEventListener("abort", stop);
      stopListening();
      stopWatching();
      for (const band of joined) band.leave(taker);
      resolve(delivery);
    };
    const stop = (): void => end();
    const taker: TokenTaker = {
      offer: (delivery) => {
        if (isOver) return false;
        end(delivery);
        return true;
      },
    };
    const join = (): void => {
      for (const band of inOrder(context, request)) {
        if (joined.has(band)) continue;
        joined.add(band);
        band.join(taker);
      }
    };
    const stopListening = bands.onAdded((queue) => {
      if (queues.includes(queue)) join();
    });
    const stopWatching = link.onLost((loss) => {
      if (loss === "closed") stop();
    });
    signal?.addEventListener("abort", stop);
    closed.addEventListener("abort", stop);
    if (timeoutMs !== Infinity) cancelTimer = startTimer(stop, timeoutMs);
    join();
  });
}

function assertWanted(
  { closed, tokens }: DequeueContext,
  { signal }: DequeueRequest,
  delivery: Delivery | undefined,
): void {
  if (signal?.aborted !== true && !closed.aborted) return;
  if (delivery !== undefined) tokens.giveBack(delivery.ackSubject);
  signal?.throwIfAborted();
  throw queueClosed();
}
