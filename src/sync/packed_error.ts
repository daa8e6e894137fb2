/** Errors on their way from one thread to another: what they say survives, not only their text. */

import { JobEventError, type JobEventErrorCode, messageOf } from "../errors.ts";

/** A chain of causes longer than this is cut, and so is a circle of them. */
const MAX_DEPTH = 8;

/** An error as a plain object. */
export interface PackedError {
  readonly name: string;
  readonly message: string;
  /** Where it was made, in the other thread. */
  readonly stack?: string;
  /** What else it says of itself: `code`, `errno` … */
  readonly properties: Readonly<Record<string, string | number | bigint | boolean>>;
  readonly cause?: PackedValue;
  /** Those of an `AggregateError`. */
  readonly errors?: readonly PackedValue[];
}

/** Something that was thrown: an error or any other value. */
export type PackedValue = { readonly error: PackedError } | { readonly value: unknown };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** Packs anything that was thrown. */
export function packThrown(thrown: unknown, depth: number = 0): PackedValue {
  if (depth === MAX_DEPTH) return { value: messageOf(thrown) };
  if (!isObject(thrown) || typeof thrown["message"] !== "string") {
    return { value: isObject(thrown) || typeof thrown === "function" ? `${thrown}` : thrown };
  }
  const { name, message, stack, cause, errors } = thrown;
  const properties: Record<string, string | number | bigint | boolean> = {};
  for (const [key, value] of Object.entries(thrown)) {
    if (["name", "message", "stack", "cause"].includes(key)) continue;
    if (["string", "number", "bigint", "boolean"].includes(typeof value)) {
      properties[key] = value as string;
    }
  }
  // A DOMException and the errors of some runtimes keep their code in the prototype.
  const { code } = thrown;
  if (typeof code === "string" || typeof code === "number") properties["code"] = code;
  return {
    error: {
      name: String(name),
      message,
      properties,
      ...(typeof stack === "string" ? { stack } : {}),
      ...(cause === undefined ? {} : { cause: packThrown(cause, depth + 1) }),
      ...(Array.isArray(errors)
        ? { errors: errors.map((error) => packThrown(error, depth + 1)) }
        : {}),
    },
  };
}

const STANDARD: Readonly<Record<string, new (message: string, options: ErrorOptions) => Error>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/**
 * Makes what was thrown again. The stack of the outermost error is that of whoever calls this, so
 * that it shows which call failed; causes keep the stacks that they had.
 */
export function unpackThrown(packed: PackedValue): unknown {
  if ("value" in packed) return packed.value;
  const { name, message, cause, errors, properties } = packed.error;
  const options = cause === undefined ? {} : { cause: unpackCause(cause) };
  const { code, ...rest } = properties;
  if (name === "JobEventError") {
    return Object.assign(new JobEventError(code as JobEventErrorCode, message, options), rest);
  }
  const error = errors === undefined
    ? new (STANDARD[name] ?? Error)(message, options)
    : new AggregateError(errors.map(unpackCause), message, options);
  if (error.name !== name) define(error, "name", name);
  return Object.assign(error, properties);
}

function unpackCause(packed: PackedValue): unknown {
  const thrown = unpackThrown(packed);
  if ("error" in packed && packed.error.stack !== undefined) {
    define(thrown as Error, "stack", packed.error.stack);
  }
  return thrown;
}

/** Sets a property that, as those of every error, is not listed. */
function define(error: Error, key: "name" | "stack", value: string): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true });
}
