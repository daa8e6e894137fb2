/** What a publisher can be told. */

import { checkStreamName } from "./stream_name.ts";

/** Options of `NatsJobEventPublisher`. */
export interface NatsJobEventPublisherOptions {
  /** What every subject of {@linkcode JobEventSink.subjects} begins with.
   * @default "naq.jobs.events" */
  readonly subjectPrefix?: string;
  /** The stream that is to take the events: no other one will. @default any stream */
  readonly streamName?: string;
  /** What the reply subjects begin with; the user must be allowed to subscribe below it.
   * @default the connection's `inboxPrefix`, else `_INBOX` */
  readonly inboxPrefix?: string;
  /** How many messages may be under way, over all appends. @default 4096 */
  readonly maxInFlight?: number;
  /** How many bytes may be under way, over all appends. One message always may.
   * @default 8388608, 8 MiB */
  readonly maxInFlightBytes?: number;
  /** An append ends when none of its messages was acknowledged for so long, in milliseconds.
   * @default 5000 */
  readonly ackTimeoutMs?: number;
  /** Whether an event waits until the one before it of the same job is stored; see
   * `NatsJobEventPublisher`. A leaf node does not say that its stream is in a cluster: use "job"
   * there. @default "job" in a cluster, else "pipelined" */
  readonly ordering?: "job" | "pipelined";
}

/** The options with their defaults. */
export interface ResolvedPublisherOptions {
  readonly subjectPrefix: string | undefined;
  readonly streamName: string | undefined;
  readonly inboxPrefix: string | undefined;
  readonly maxInFlight: number;
  readonly maxInFlightBytes: number;
  readonly ackTimeoutMs: number;
  readonly ordering: "job" | "pipelined" | undefined;
}

/** Checks the options and fills in the defaults. */
export function resolvePublisherOptions(
  options: NatsJobEventPublisherOptions,
): ResolvedPublisherOptions {
  const { streamName, ordering } = options;
  // A name that could not be a stream's would break the header that it goes into.
  if (streamName !== undefined) checkStreamName(streamName);
  if (ordering !== undefined && ordering !== "job" && ordering !== "pipelined") {
    throw new TypeError(`ordering must be "job" or "pipelined", got ${JSON.stringify(ordering)}`);
  }
  return {
    subjectPrefix: options.subjectPrefix,
    streamName,
    inboxPrefix: options.inboxPrefix,
    maxInFlight: bound("maxInFlight", options.maxInFlight ?? 4096),
    maxInFlightBytes: bound("maxInFlightBytes", options.maxInFlightBytes ?? 8 * 1024 * 1024),
    ackTimeoutMs: bound("ackTimeoutMs", options.ackTimeoutMs ?? 5000),
    ordering,
  };
}

function bound(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`${name} must be a whole number of at least 1, got ${value}`);
}
