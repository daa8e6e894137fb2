/** Says why a connect failed, and what to do about it. */

import { isJobEventError, JobEventError, type JobEventErrorCode, messageOf } from "../errors.ts";
import {
  connectionError,
  isAuthenticationFailure,
  isRuntimePermission,
  isTimeout,
  isTlsFailure,
} from "../nats/foreign_errors.ts";
import type { Settings } from "./settings.ts";

/**
 * What a failed connect is called. The message names the servers and no secret.
 *
 * @param error What the client library threw.
 */
export function explain(error: unknown, settings: Settings): JobEventError {
  if (isJobEventError(error)) return error;
  const action = `Cannot connect to ${settings.shown}`;
  const [code, reason] = diagnose(error, settings) ?? [];
  if (code === undefined) return connectionError(action, error);
  return new JobEventError(code, `${action}: ${reason}`, { cause: error });
}

type Diagnosis = readonly [code: JobEventErrorCode, reason: string];

function diagnose(error: unknown, settings: Settings): Diagnosis | undefined {
  const { timeoutMs, hasCredentials, kind, library } = settings;
  const message = messageOf(error);
  if (isAuthenticationFailure(error)) {
    const reason = hasCredentials
      ? "the server refuses these credentials"
      : "the server wants credentials: give token, user and password, nkey or creds";
    return ["ERR_PERMISSION", reason];
  }
  if (isRuntimePermission(error)) {
    return ["ERR_PERMISSION", `the runtime forbids it: ${message}`];
  }
  if (isTimeout(error)) {
    return ["ERR_TIMEOUT", `no answer within ${timeoutMs} ms; is it a NATS server?`];
  }
  if (isTlsFailure(error)) {
    const reason = /does not support|not available/.test(message)
      ? "the server offers no TLS: use nats://, or turn TLS on there"
      : `the secure connection failed (${message.trim()}): give the server's authority in ` +
        "tls.ca, and tls.cert with tls.key if it wants a certificate";
    return ["ERR_CONFIGURATION", reason];
  }
  if (isRefused(error)) {
    const reason = "connection refused; start nats-server there or correct the URL";
    return ["ERR_UNAVAILABLE", reason];
  }
  // Not every runtime says that it is for a certificate that a server ends the connection.
  if (library.tls !== undefined && message.startsWith("the server closed")) {
    return ["ERR_UNAVAILABLE", `${message}; it may want a certificate: tls.cert with tls.key`];
  }
  if (kind === "websocket" && (error as { name?: unknown }).name === "ConnectionError") {
    const remedy = "is `websocket` on in the server's configuration, and the port right?";
    return ["ERR_UNAVAILABLE", `the WebSocket was not opened; ${remedy}`];
  }
  return undefined;
}

function isRefused(error: unknown): boolean {
  const { message, code, cause } = error as { message?: string; code?: string; cause?: unknown };
  if (code === "ECONNREFUSED" || /connection refused|ECONNREFUSED/i.test(message ?? "")) {
    return true;
  }
  return typeof cause === "object" && cause !== null && isRefused(cause);
}
