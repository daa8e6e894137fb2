/** The bounds of an event. Each is checked where the event is made and where it is read. */

/** How deeply `details` and `metadata` may nest; the field itself is level 1. */
export const MAX_DEPTH = 32;

/**
 * The most that `details` and `metadata` may each take, in bytes: 8 MiB, the largest message that a
 * NATS server is recommended to be set to. It also ends what shared objects expand to: each place
 * that an object is in gets a copy.
 */
export const MAX_DYNAMIC_BYTES: number = 8 * 1024 * 1024;

/** The longest token of a subject, in bytes, after encoding. */
export const MAX_TOKEN_BYTES = 255;

/** The largest encoded event that a storage accepts by default, in bytes: 1 MiB, as in NATS. */
export const MAX_EVENT_BYTES: number = 1024 * 1024;
