/** Requests to the JetStream API: JSON there, JSON back, and again when a leader is missing. */

import { JobEventError, messageOf } from "../errors.ts";
import { type ApiError, apiFailure, isTransientApiError } from "./api_error.ts";
import type { NatsConnectionLike, NatsMessageLike } from "./connection.ts";
import { connectionError, isDisconnected, isNoResponders, isTimeout } from "./foreign_errors.ts";

/** Where JetStream's own API lies. */
export const DEFAULT_API_PREFIX = "$JS.API";

/** Options of {@linkcode jsApiRequest}. */
export interface JsApiOptions {
  /** The time for everything, repetitions included, in milliseconds. @default 5000 */
  readonly timeoutMs?: number;
  /** What the subject is under; `$JS.{domain}.API` for a domain. @default "$JS.API" */
  readonly apiPrefix?: string;
}

/** The time for a request unless another is given, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 5000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;
/** What may be asked twice, with the same answer. */
const READS = /^(?:INFO|(?:STREAM|CONSUMER)\.(?:INFO|NAMES|LIST|MSG\.GET))(?:\.|$)/;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Asks the JetStream API.
 *
 * While nobody is there to answer, as during the election of a leader, and while the server says
 * that it is temporarily unavailable, the request is repeated until its time is up. A question that
 * changes nothing is also asked again when half of the time has gone without an answer: a leader
 * that has just lost its office says nothing.
 *
 * @param connection Where to ask.
 * @param subject What to ask for, without the prefix, such as `STREAM.INFO.NAQ_JOB_EVENTS`.
 * @param body The request. @default empty
 * @returns The answer, which has no error.
 * @throws {JobEventError} The answer is an error: `apiErrorOf` gives it. Or there is none: the code
 * is that of `connectionError`, and `ERR_UNSUPPORTED` where the server runs without JetStream.
 */
export async function jsApiRequest<T>(
  connection: NatsConnectionLike,
  subject: string,
  body?: object,
  options: JsApiOptions = {},
): Promise<T> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, apiPrefix = DEFAULT_API_PREFIX } = options;
  const full = `${apiPrefix}.${subject}`;
  const action = `Cannot ask JetStream for ${subject}`;
  const payload = body === undefined ? undefined : encoder.encode(JSON.stringify(body));
  const deadline = Date.now() + timeoutMs;
  let canAskAgain = READS.test(subject);

  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const leftMs = Math.max(deadline - Date.now(), 1);
    const outcome = await attempt(connection, full, payload, canAskAgain ? leftMs / 2 : leftMs);
    if ("answer" in outcome) return outcome.answer as T;
    const isLate = Date.now() + pauseMs >= deadline;
    const isTransient = outcome.isTransient || (outcome.isTimeout && canAskAgain);
    if (isLate || !isTransient) throw outcome.toError(action);
    if (outcome.isTimeout) canAskAgain = false;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

type Outcome = { readonly answer: unknown } | {
  readonly isTransient: boolean;
  readonly isTimeout?: boolean;
  readonly toError: (action: string) => JobEventError;
};

async function attempt(
  connection: NatsConnectionLike,
  subject: string,
  payload: Uint8Array | undefined,
  timeout: number,
): Promise<Outcome> {
  let message: NatsMessageLike;
  try {
    message = await connection.request(subject, payload, { timeout });
  } catch (error) {
    if (isNoResponders(error) && runsWithoutJetStream(connection)) {
      return { isTransient: false, toError: (action) => withoutJetStream(action, error) };
    }
    return {
      isTransient: isNoResponders(error) || isDisconnected(error),
      isTimeout: isTimeout(error),
      toError: (action) => connectionError(action, error),
    };
  }
  return readAnswer(message.data);
}

function readAnswer(data: Uint8Array): Outcome {
  let answer: { readonly error?: ApiError };
  try {
    answer = JSON.parse(decoder.decode(data)) as { readonly error?: ApiError };
  } catch (cause) {
    const toError = (action: string): JobEventError =>
      new JobEventError("ERR_UNAVAILABLE", `${action}: the answer is no JSON: ${messageOf(cause)}`);
    return { isTransient: false, toError };
  }
  const { error } = answer;
  if (error === undefined) return { answer };
  return {
    isTransient: isTransientApiError(error),
    toError: (action) => apiFailure(action, error),
  };
}

/** In a cluster another member may have JetStream, and be away for the moment. */
function runsWithoutJetStream({ info }: NatsConnectionLike): boolean {
  return info !== undefined && info.jetstream !== true && info.cluster === undefined;
}

function withoutJetStream(action: string, cause: unknown): JobEventError {
  return new JobEventError(
    "ERR_UNSUPPORTED",
    `${action}: the server runs without JetStream. Start it with --jetstream, or with a ` +
      "jetstream { … } block in its configuration",
    { cause },
  );
}
