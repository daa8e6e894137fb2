/** Settings from the environment: `NAQ_*` over the defaults. */

import { JobEventError, messageOf } from "./errors.ts";
import { DEFAULT_SUBJECT_PREFIX, JobEventSubjects } from "./event/subjects.ts";
import { checkStreamName, DEFAULT_STREAM_NAME } from "./nats/stream_name.ts";

/** The settings, each with its default. */
export interface NaqConfig {
  /** Whether events are logged at all: `NAQ_EVENTS_ENABLED`. @default true */
  readonly enabled: boolean;
  /** Where events are stored, a URL for `openStorage`: `NAQ_EVENT_STORAGE_URL`, else
   * `NAQ_NATS_URL`. @default "nats://localhost:4222" */
  readonly storageUrl: string;
  /** The stream's name: `NAQ_EVENT_STREAM_NAME`. @default "NAQ_JOB_EVENTS" */
  readonly streamName: string;
  /** What every subject begins with: `NAQ_EVENT_SUBJECT_PREFIX`. @default "naq.jobs.events" */
  readonly subjectPrefix: string;
  /** Options of `JobEventLogger`. */
  readonly logger: {
    /** `NAQ_EVENT_LOGGER_BATCH_SIZE`. @default 100 */
    readonly batchSize: number;
    /** `NAQ_EVENT_LOGGER_FLUSH_INTERVAL`, which is in seconds. @default 5000 */
    readonly flushIntervalMs: number;
    /** `NAQ_EVENT_LOGGER_MAX_BUFFER_SIZE`. @default 10000 */
    readonly maxBufferSize: number;
  };
}

/** The variables of an environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

const STORAGE_URL = "NAQ_EVENT_STORAGE_URL";
const STREAM_NAME = "NAQ_EVENT_STREAM_NAME";
const SUBJECT_PREFIX = "NAQ_EVENT_SUBJECT_PREFIX";

const TRUE = ["1", "true", "yes", "on"];
const FALSE = ["0", "false", "no", "off"];

/**
 * Reads the settings. A variable that is empty, or that Deno does not permit to read, counts as not
 * set.
 *
 * @param env The variables. @default those of the process
 * @throws {JobEventError} `ERR_CONFIGURATION`: a variable has a value that cannot be used; the
 * message names it.
 *
 * @example
 * ```ts
 * import { loadConfig } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * const config = loadConfig({ NAQ_EVENT_LOGGER_BATCH_SIZE: "50" });
 * assert.equal(config.logger.batchSize, 50);
 * assert.equal(config.streamName, "NAQ_JOB_EVENTS");
 * ```
 */
export function loadConfig(env: Environment = processEnvironment()): NaqConfig {
  return {
    enabled: readBoolean(env, "NAQ_EVENTS_ENABLED", true),
    storageUrl: readUrl(env),
    streamName: readText(env, STREAM_NAME, DEFAULT_STREAM_NAME, checkStreamName),
    subjectPrefix: readText(env, SUBJECT_PREFIX, DEFAULT_SUBJECT_PREFIX, checkPrefix),
    logger: {
      batchSize: readNumber(env, "NAQ_EVENT_LOGGER_BATCH_SIZE", 100, isPositiveInteger),
      flushIntervalMs: 1000 * readNumber(env, "NAQ_EVENT_LOGGER_FLUSH_INTERVAL", 5, isPositive),
      maxBufferSize: readNumber(env, "NAQ_EVENT_LOGGER_MAX_BUFFER_SIZE", 10_000, isPositiveInteger),
    },
  };
}

/** The process's variables; none where there is no process. */
function processEnvironment(): Environment {
  const { process } = globalThis as { process?: { env?: Environment } };
  return process?.env ?? {};
}

/** The value of a variable that is set. */
function read(env: Environment, name: string): string | undefined {
  try {
    return env[name] || undefined;
  } catch (error) {
    if ((error as Error).name === "NotCapable") return undefined;
    throw error;
  }
}

function readUrl(env: Environment): string {
  const name = read(env, STORAGE_URL) === undefined ? "NAQ_NATS_URL" : STORAGE_URL;
  return readText(env, name, "nats://localhost:4222", checkUrl);
}

/** @param check Throws for a text that cannot be used; its message names no secret. */
function readText(
  env: Environment,
  name: string,
  fallback: string,
  check: (text: string) => unknown,
): string {
  const text = read(env, name) ?? fallback;
  try {
    check(text);
  } catch (cause) {
    const message = `Cannot use ${name}: ${messageOf(cause)}`;
    throw new JobEventError("ERR_CONFIGURATION", message, { cause });
  }
  return text;
}

function checkPrefix(prefix: string): void {
  new JobEventSubjects(prefix);
}

function checkUrl(url: string): void {
  if (url === "memory:" || /^sqlite:./s.test(url)) return;
  // Each server as http: the parsers of the runtimes differ for schemes that they do not know.
  const isServer = (part: string) => URL.canParse(part.trim().replace(/^[a-z]+:\/\/|^/, "http://"));
  if (/^(nats|tls|ws|wss):\/\//.test(url) && url.split(",").every(isServer)) return;
  throw new TypeError(
    'it is not like "memory:", "sqlite:path/to/file", "nats://host:4222" or "ws://host:8080"',
  );
}

function readBoolean(env: Environment, name: string, fallback: boolean): boolean {
  const text = read(env, name);
  if (text === undefined) return fallback;
  if (TRUE.includes(text.toLowerCase())) return true;
  if (FALSE.includes(text.toLowerCase())) return false;
  return refuse(name, text, `one of ${[...TRUE, ...FALSE].join(", ")}`);
}

function readNumber(
  env: Environment,
  name: string,
  fallback: number,
  check: { readonly test: (value: number) => boolean; readonly expected: string },
): number {
  const text = read(env, name);
  if (text === undefined) return fallback;
  const value = Number(text);
  return check.test(value) ? value : refuse(name, text, check.expected);
}

const isPositive = {
  test: (value: number) => Number.isFinite(value) && value > 0,
  expected: "a number above 0",
};

const isPositiveInteger = {
  test: (value: number) => Number.isSafeInteger(value) && value > 0,
  expected: "a whole number above 0",
};

function refuse(name: string, text: string, expected: string): never {
  throw new JobEventError(
    "ERR_CONFIGURATION",
    `Cannot use ${name}=${JSON.stringify(text)}: expected ${expected}`,
  );
}
