/**
 * Events in a stream of NATS JetStream.
 *
 * @module
 */

export type { JobEventStreamSettings } from "../nats/stream_config.ts";
export { NatsJobEventStorage } from "./nats/storage.ts";
export type { NatsJobEventStorageOptions } from "./nats/options.ts";
