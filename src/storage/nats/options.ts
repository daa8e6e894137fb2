/** What the NATS storage can be told. */

import type { NatsJobEventPublisherOptions } from "../../nats/publisher_options.ts";
import type { JobEventStreamSettings } from "../../nats/stream_config.ts";
import type { UndecodableMessage } from "../storage.ts";

/** Options of `NatsJobEventStorage.open`. */
export interface NatsJobEventStorageOptions {
  /** The stream's name. Dead letters are in a stream of this name with `_DEAD` behind it.
   * @default "NAQ_JOB_EVENTS" */
  readonly streamName?: string;
  /** What every subject begins with. @default "naq.jobs.events" */
  readonly subjectPrefix?: string;
  /** How the stream keeps events. Used when it is made, and with `updateStream`. */
  readonly stream?: JobEventStreamSettings;
  /** Whether a stream that does not exist is made. @default true */
  readonly createStream?: boolean;
  /** Whether an existing stream gets the settings of `stream`, defaults included.
   * @default false */
  readonly updateStream?: boolean;
  /** The JetStream domain to work in. @default the server's own */
  readonly domain?: string;
  /** The largest encoded event, in bytes. The server's `max_payload` and the stream's `maxMsgSize`
   * bound it, too, with its headers. @default 1048576 */
  readonly maxEventBytes?: number;
  /** The time for one request to the server, in milliseconds. @default 5000 */
  readonly timeoutMs?: number;
  /** How long reads, counts and deletions go on trying while the server does not answer, in
   * milliseconds. Live streams and groups wait for it without end. @default 15000 */
  readonly patienceMs?: number;
  /** Whether `close()` closes the connection, too. @default false */
  readonly closeConnection?: boolean;
  /** Bounds of the write side. */
  readonly publisher?: Omit<NatsJobEventPublisherOptions, "subjectPrefix" | "streamName">;
  /**
   * Told of each message in the stream that is no event, each time that one is come across: it is
   * left out of reads and live streams, and becomes a dead letter of a group. An error of this
   * function is ignored.
   */
  readonly onDecodeError?: (message: UndecodableMessage) => void;
}
