import { errors } from "@nats-io/nats-core";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEventError, type JobEventErrorCode } from "../../src/errors.ts";
import {
  connectionError,
  isAuthenticationFailure,
  isConnectionClosed,
  isDisconnected,
  isNoResponders,
  isPayloadTooLarge,
  isRuntimePermission,
  isTimeout,
  isTlsFailure,
  permissionViolation,
} from "../../src/nats/foreign_errors.ts";

const CHECKS = {
  isAuthenticationFailure,
  isConnectionClosed,
  isDisconnected,
  isNoResponders,
  isPayloadTooLarge,
  isRuntimePermission,
  isTimeout,
  isTlsFailure,
};

/** An error as another copy of a library, another runtime or a socket throws it. */
function named(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name }, more);
}

interface Case {
  readonly error: unknown;
  readonly code: JobEventErrorCode;
  readonly is?: keyof typeof CHECKS;
  readonly reason: RegExp;
}

const publishRefused = errors.PermissionViolationError.parse(
  `Permissions Violation for Publish to "naq.a"`,
)!;
const subscriptionRefused = errors.PermissionViolationError.parse(
  `Permissions Violation for Subscription to "naq.>" using queue "q"`,
)!;

const CASES: Readonly<Record<string, Case>> = {
  "a timeout": {
    error: new errors.TimeoutError(),
    code: "ERR_TIMEOUT",
    is: "isTimeout",
    reason: /no answer in time/,
  },
  "a socket's timeout": {
    error: named("Error", "connect ETIMEDOUT", { code: "ETIMEDOUT" }),
    code: "ERR_TIMEOUT",
    is: "isTimeout",
    reason: /no answer in time/,
  },
  "a handshake that took too long": {
    error: new errors.AuthorizationError("Authentication Timeout"),
    code: "ERR_TIMEOUT",
    is: "isTimeout",
    reason: /no answer in time/,
  },
  "no responders, wrapped as requests do": {
    error: new errors.RequestError("no responders", {
      cause: new errors.NoRespondersError("$JS.API.INFO"),
    }),
    code: "ERR_UNAVAILABLE",
    is: "isNoResponders",
    reason: /JetStream is off or has no leader/,
  },
  "wrong credentials": {
    error: new errors.AuthorizationError("Authorization Violation"),
    code: "ERR_PERMISSION",
    is: "isAuthenticationFailure",
    reason: /Authorization Violation/,
  },
  "credentials that ran out": {
    error: new errors.UserAuthenticationExpiredError("User Authentication Expired"),
    code: "ERR_PERMISSION",
    is: "isAuthenticationFailure",
    reason: /Expired/,
  },
  "a closed connection": {
    error: new errors.ClosedConnectionError(),
    code: "ERR_CLOSED",
    is: "isConnectionClosed",
    reason: /the connection is closed/,
  },
  "a connection that is being closed": {
    error: new errors.DrainingConnectionError(),
    code: "ERR_CLOSED",
    is: "isConnectionClosed",
    reason: /the connection is closed/,
  },
  "a connection that broke": {
    error: new errors.RequestError("connection disconnected"),
    code: "ERR_UNAVAILABLE",
    is: "isDisconnected",
    reason: /the connection was lost/,
  },
  "a payload that the client refuses": {
    error: errors.InvalidArgumentError.format("payload", "max_payload size exceeded"),
    code: "ERR_EVENT_TOO_LARGE",
    is: "isPayloadTooLarge",
    reason: /max_payload/,
  },
  "a payload that the server refuses": {
    error: new errors.ProtocolError("Maximum Payload Violation"),
    code: "ERR_EVENT_TOO_LARGE",
    is: "isPayloadTooLarge",
    reason: /Maximum Payload/,
  },
  "an unknown authority": {
    error: new errors.ConnectionError("failed", {
      cause: named("Error", "unable to verify", { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }),
    }),
    code: "ERR_CONFIGURATION",
    is: "isTlsFailure",
    reason: /failed/,
  },
  "an unknown authority in Deno's words": {
    error: named("InvalidData", "invalid peer certificate: UnknownIssuer"),
    code: "ERR_CONFIGURATION",
    is: "isTlsFailure",
    reason: /UnknownIssuer/,
  },
  "a missing permission of Deno": {
    error: named("NotCapable", "Requires net access"),
    code: "ERR_PERMISSION",
    is: "isRuntimePermission",
    reason: /Requires net access/,
  },
  "a bad subject": {
    error: new errors.InvalidSubjectError("a b"),
    code: "ERR_CONFIGURATION",
    reason: /illegal subject/,
  },
  "a refused publish": {
    error: publishRefused,
    code: "ERR_PERMISSION",
    reason: /does not allow this user to publish to "naq\.a"/,
  },
  "a refused subscription, wrapped": {
    error: new errors.RequestError("refused", { cause: subscriptionRefused }),
    code: "ERR_PERMISSION",
    reason: /does not allow this user to subscribe to "naq\.>"/,
  },
  "anything else": { error: new Error("odd"), code: "ERR_UNAVAILABLE", reason: /: odd$/ },
  "a text": { error: "odd", code: "ERR_UNAVAILABLE", reason: /: odd$/ },
  "nothing": { error: undefined, code: "ERR_UNAVAILABLE", reason: /: undefined$/ },
  "an empty message": { error: new Error(""), code: "ERR_UNAVAILABLE", reason: /failed$/ },
};

describe("connectionError()", () => {
  for (const [name, { error, code, is, reason }] of Object.entries(CASES)) {
    it(`knows ${name}`, () => {
      const named = connectionError("Cannot read", error);
      assert.equal(named.code, code);
      assert.match(named.message, /^Cannot read: /);
      assert.match(named.message, reason);
      assert.equal(named.cause, error);
      for (const [check, holds] of Object.entries(CHECKS)) {
        assert.equal(holds(error), check === is, check);
      }
    });
  }

  it("gives errors of this package back as they are", () => {
    const error = new JobEventError("ERR_DECODE", "Cannot decode");
    assert.equal(connectionError("Cannot read", error), error);
  });

  it("does not loop over causes that go round", () => {
    const one = new Error("one");
    one.cause = new Error("two", { cause: one });
    assert.equal(isTimeout(one), false);
    assert.equal(permissionViolation(one), undefined);
  });
});

describe("permissionViolation()", () => {
  it("says what was refused", () => {
    assert.deepEqual(permissionViolation(publishRefused), {
      operation: "publish",
      subject: "naq.a",
    });
    assert.deepEqual(permissionViolation(new Error("outer", { cause: subscriptionRefused })), {
      operation: "subscription",
      subject: "naq.>",
    });
    assert.equal(permissionViolation(new errors.TimeoutError()), undefined);
    assert.equal(permissionViolation(null), undefined);
  });
});
