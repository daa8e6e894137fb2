/** Says of a stream that could not be set up what the reader of the message has to change. */

import { isJobEventError, JobEventError, type JobEventErrorCode, messageOf } from "../errors.ts";
import { apiErrorOf, apiErrorToCode } from "./api_error.ts";
import * as ApiErrorCode from "./api_error_code.ts";
import type { NatsConnectionLike } from "./connection.ts";
import { isNoResponders } from "./foreign_errors.ts";
import { type JsApiOptions, jsApiRequest } from "./js_api.ts";
import type { StreamConfig } from "./stream_config.ts";

/** What was tried. */
export interface RefusedSetup {
  readonly connection: NatsConnectionLike;
  /** The beginning of the message. */
  readonly action: string;
  /** Where the request went. */
  readonly subject: string;
  readonly wanted: StreamConfig;
  readonly api: JsApiOptions;
}

/** Advice that depends on nothing but the `err_code`. */
const ADVICE: ReadonlyMap<number, string> = new Map([
  [
    ApiErrorCode.NotEnabledForAccount,
    "JetStream is off for the account of this user: enable it there (`jetstream: enabled`), or " +
    "connect as a user of another account",
  ],
  [
    ApiErrorCode.NoAccount,
    "The account of this user has no JetStream: connect as a user of another account",
  ],
  [
    ApiErrorCode.NotEnabled,
    "Start the server with --jetstream, or with a jetstream { … } block in its configuration",
  ],
  [
    ApiErrorCode.NoLimits,
    "The account has no JetStream limits for this number of replicas: set them, or change " +
    "stream.replicas",
  ],
  [
    ApiErrorCode.MaximumStreams,
    "Raise max_streams of the account, delete a stream, or set streamName to an existing one",
  ],
  [
    ApiErrorCode.ReplicasWithoutCluster,
    "Set stream.replicas to 1, or connect to a cluster",
  ],
  [
    ApiErrorCode.NoSuitablePeers,
    "Set stream.replicas to at most the number of servers in the cluster that have JetStream and " +
    "room, or lower stream.maxBytes",
  ],
  [
    ApiErrorCode.MaxBytesRequired,
    "The account wants a limit for each stream: set stream.maxBytes",
  ],
]);

/** Codes that say that the bytes that the stream sets aside are not there. */
const NO_ROOM: ReadonlySet<number> = new Set([
  ApiErrorCode.StorageExhausted,
  ApiErrorCode.MemoryExhausted,
  ApiErrorCode.AccountResources,
  ApiErrorCode.MaxStreamBytes,
]);

/** The error for a request of the set-up that failed, with what to do about it. */
export async function explainRefusal(
  error: unknown,
  setup: RefusedSetup,
): Promise<JobEventError> {
  const api = apiErrorOf(error);
  const known = isJobEventError(error) ? error.code : "ERR_UNAVAILABLE";
  if (api === undefined) {
    const advice = known === "ERR_PERMISSION"
      ? `. Allow the user to publish to "${setup.subject}" and to subscribe to its own inbox, ` +
        "or let an operator make the stream"
      : isNoResponders(error)
      ? ". If it stays so, JetStream is off: start the server with --jetstream, or enable it for " +
        "the account of this user"
      : "";
    return new JobEventError(known, `${setup.action}: ${messageOf(error)}${advice}`, {
      cause: error,
    });
  }
  const errCode = api.err_code ?? 0;
  const code: JobEventErrorCode = NO_ROOM.has(errCode) ? "ERR_STREAM_CONFIG" : apiErrorToCode(api);
  const advice = await adviceFor(errCode, setup);
  const reason = `${api.description || "the server refuses"} (${errCode || api.code})`;
  return new JobEventError(code, `${setup.action}: ${reason}${advice && `. ${advice}`}`, {
    cause: error,
  });
}

async function adviceFor(errCode: number, setup: RefusedSetup): Promise<string> {
  const { wanted } = setup;
  if (NO_ROOM.has(errCode)) {
    return `The stream sets ${wanted.max_bytes} bytes aside for each replica: lower ` +
      `stream.maxBytes, or give ${wanted.storage === "memory" ? "max_mem" : "max_file"} of the ` +
      "server or the account more";
  }
  if (errCode === ApiErrorCode.SubjectOverlap) return await overlapAdvice(setup);
  return ADVICE.get(errCode) ?? "";
}

/** Names the streams that take some of the subjects already. */
async function overlapAdvice({ connection, wanted, api }: RefusedSetup): Promise<string> {
  const [subject = ""] = wanted.subjects ?? [];
  let names: readonly string[] = [];
  try {
    const answer = await jsApiRequest<{ streams?: readonly string[] | null }>(
      connection,
      "STREAM.NAMES",
      { subject },
      api,
    );
    names = (answer.streams ?? []).filter((name) => name !== wanted.name);
  } catch {
    // A user who may not list streams gets the advice without their names.
  }
  const who = names.length === 0
    ? "Another stream takes"
    : `The stream ${names.map((name) => `"${name}"`).join(", ")} takes`;
  return `${who} some of ${subject} already: set streamName to it, or set another subjectPrefix`;
}
