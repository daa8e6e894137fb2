/**
 * Errors of nats-core, of sockets and of TLS, recognised by `name` and `code` alone: they may come
 * from another copy of nats-core than ours, where `instanceof` says no.
 */

import { isJobEventError, JobEventError, type JobEventErrorCode, messageOf } from "../errors.ts";

/** The parts of a thrown value that tell what it is. Missing ones are empty. */
interface Traits {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  /** What was refused, where the server refuses something. */
  readonly operation: string;
  readonly subject: string;
}

/** nats-core wraps an error once or twice; a longer chain is somebody's mistake. */
const MAX_CAUSES = 5;

const CLOSED_NAMES = ["ClosedConnectionError", "DrainingConnectionError"];
const AUTHENTICATION_NAMES = ["AuthorizationError", "UserAuthenticationExpiredError"];
const TLS_CODE = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)|^EPROTO$/;
/** Deno and WebSocket clients put into words what Node puts into a code. */
const TLS_MESSAGE = /certificate|\btls\b|\bssl\b/i;
/** Deno names it `NotCapable`, and says which flag is missing. */
const RUNTIME_PERMISSION_NAMES = ["NotCapable", "PermissionDenied"];

/** The error itself and the causes underneath it, the outermost first. */
function chain(error: unknown): Traits[] {
  const traits: Traits[] = [];
  let current = error;
  while (typeof current === "object" && current !== null && traits.length < MAX_CAUSES) {
    const { name, code, message, operation, subject, cause } = current as Record<string, unknown>;
    traits.push({
      name: text(name),
      code: text(code),
      message: text(message),
      operation: text(operation),
      subject: text(subject),
    });
    current = cause;
  }
  return traits;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function hasName(error: unknown, ...names: readonly string[]): boolean {
  return chain(error).some(({ name }) => names.includes(name));
}

/** Whether an operation did not end in its time. */
export function isTimeout(error: unknown): boolean {
  return chain(error).some(({ name, code, message }) =>
    name === "TimeoutError" || name === "TimedOut" || code === "ETIMEDOUT" ||
    (name === "AuthorizationError" && /authentication timeout/i.test(message))
  );
}

/** Whether nobody listens on the subject of a request: for JetStream's, that it is not there. */
export function isNoResponders(error: unknown): boolean {
  return hasName(error, "NoResponders", "NoRespondersError");
}

/** What {@linkcode permissionViolation} tells of a refusal. */
export interface PermissionViolation {
  /** What was refused. */
  readonly operation: "publish" | "subscription";
  /** The subject that was refused. */
  readonly subject: string;
}

/** What the server refused this user, or `undefined` for any other error. */
export function permissionViolation(error: unknown): PermissionViolation | undefined {
  const found = chain(error).find(({ name }) => name === "PermissionViolationError");
  if (found === undefined) return undefined;
  const { operation, subject } = found;
  return { operation: operation === "subscription" ? operation : "publish", subject };
}

/** Whether the server does not accept the credentials, or no longer does. */
export function isAuthenticationFailure(error: unknown): boolean {
  return hasName(error, ...AUTHENTICATION_NAMES) && !isTimeout(error);
}

/** Whether the connection was closed for good, or is about to be. */
export function isConnectionClosed(error: unknown): boolean {
  return chain(error).some(({ name, message }) =>
    CLOSED_NAMES.includes(name) || (name === "RequestError" && message === "connection closed")
  );
}

/** Whether the connection broke during the operation, and may come back by itself. */
export function isDisconnected(error: unknown): boolean {
  return chain(error).some(({ name, message }) =>
    name === "RequestError" && message === "connection disconnected"
  );
}

/** Whether a message is larger than the server accepts. */
export function isPayloadTooLarge(error: unknown): boolean {
  return chain(error).some(({ name, message }) =>
    (name === "InvalidArgumentError" && message.includes("max_payload")) ||
    (name === "ProtocolError" && /maximum payload violation/i.test(message))
  );
}

/** Whether a secure connection could not be made: a certificate is refused, or TLS is missing. */
export function isTlsFailure(error: unknown): boolean {
  return chain(error).some(({ code, message }) => TLS_CODE.test(code) || TLS_MESSAGE.test(message));
}

/** Whether the runtime itself forbids the connection, as Deno does without `--allow-net`. */
export function isRuntimePermission(error: unknown): boolean {
  return hasName(error, ...RUNTIME_PERMISSION_NAMES);
}

function codeOf(error: unknown): JobEventErrorCode {
  if (permissionViolation(error) !== undefined || isAuthenticationFailure(error)) {
    return "ERR_PERMISSION";
  }
  if (isRuntimePermission(error)) return "ERR_PERMISSION";
  if (isTimeout(error)) return "ERR_TIMEOUT";
  if (isConnectionClosed(error)) return "ERR_CLOSED";
  if (isPayloadTooLarge(error)) return "ERR_EVENT_TOO_LARGE";
  if (isTlsFailure(error)) return "ERR_CONFIGURATION";
  if (hasName(error, "InvalidArgumentError", "InvalidSubjectError")) return "ERR_CONFIGURATION";
  return "ERR_UNAVAILABLE";
}

function reasonOf(error: unknown): string {
  const refused = permissionViolation(error);
  if (refused !== undefined) {
    const verb = refused.operation === "publish" ? "publish to" : "subscribe to";
    return `the server does not allow this user to ${verb} "${refused.subject}"`;
  }
  if (isNoResponders(error)) return "nobody answers: JetStream is off or has no leader right now";
  if (isTimeout(error)) return "no answer in time";
  if (isConnectionClosed(error)) return "the connection is closed";
  if (isDisconnected(error)) return "the connection was lost";
  return messageOf(error) || "the connection failed";
}

/**
 * What a failure of a connection is called here. Errors of the JetStream API, which have an
 * `err_code`, are not known to it.
 *
 * @param action What failed, such as `Cannot read stream "S"`: the beginning of the message.
 * @param error What was thrown. A {@linkcode JobEventError} is given back as it is.
 */
export function connectionError(action: string, error: unknown): JobEventError {
  if (isJobEventError(error)) return error;
  return new JobEventError(codeOf(error), `${action}: ${reasonOf(error)}`, { cause: error });
}
