/** Trace context. */

const FORM = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * Whether a value is a `traceparent` as W3C Trace Context writes it in version 00:
 * `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`. Ids of zeros only are not valid.
 */
export function isTraceparent(value: unknown): value is string {
  return typeof value === "string" && FORM.test(value);
}
