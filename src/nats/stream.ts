/** The stream that keeps the events: found, made, checked and updated. */

import { JobEventError } from "../errors.ts";
import { JobEventSubjects } from "../event/subjects.ts";
import { apiErrorOf, hasApiErrorCode } from "./api_error.ts";
import * as ApiErrorCode from "./api_error_code.ts";
import { type Capabilities, serverCapabilities, streamCapabilities } from "./capabilities.ts";
import type { NatsConnectionLike } from "./connection.ts";
import {
  DEFAULT_API_PREFIX,
  DEFAULT_TIMEOUT_MS,
  type JsApiOptions,
  jsApiRequest,
} from "./js_api.ts";
import { pause } from "./link.ts";
import {
  covers,
  describeDifferences,
  type JobEventStreamSettings,
  mergeStreamConfig,
  type StreamConfig,
  streamDifferences,
  toStreamConfig,
} from "./stream_config.ts";
import { checkStreamName, DEFAULT_STREAM_NAME } from "./stream_name.ts";
import { explainRefusal } from "./stream_refusal.ts";

export { DEFAULT_STREAM_NAME };

/** Options of {@linkcode openEventStream}. */
export interface EventStreamOptions {
  /** The stream's name. @default "NAQ_JOB_EVENTS" */
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
  /** The time for each request, in milliseconds. @default 5000 */
  readonly timeoutMs?: number;
}

/** The options that any stream is opened with. */
export type StreamOpening = Pick<
  EventStreamOptions,
  "createStream" | "updateStream" | "domain" | "timeoutMs"
>;

/** What the server says of a stream. */
export interface StreamInfo {
  readonly config: StreamConfig;
  readonly created: string;
  readonly state: StreamState;
  /** Where it is stored; not there for a server on its own. */
  readonly cluster?: { readonly name?: string; readonly leader?: string };
}

/** What is in a stream. */
export interface StreamState {
  readonly messages: number;
  readonly bytes: number;
  readonly first_seq: number;
  readonly first_ts: string;
  readonly last_seq: number;
  readonly last_ts: string;
  readonly consumer_count: number;
  readonly num_subjects?: number;
  readonly num_deleted?: number;
  /** The number of messages of each subject, where it was asked for. */
  readonly subjects?: Readonly<Record<string, number>>;
}

/** A stream that keeps job events. */
export interface EventStream {
  /** The connection that it was opened with. */
  readonly connection: NatsConnectionLike;
  /** Its name. */
  readonly name: string;
  /** How its subjects are named. */
  readonly subjects: JobEventSubjects;
  /** What the server can do and the stream allows. */
  readonly capabilities: Capabilities;
  /** What requests to the JetStream API begin with. */
  readonly apiPrefix: string;
  /** Its settings when it was opened. */
  readonly config: StreamConfig;
  /** Asks the JetStream API, see {@linkcode jsApiRequest}. */
  request<T>(subject: string, body?: object, options?: { readonly timeoutMs?: number }): Promise<T>;
  /**
   * What the server says of the stream now.
   *
   * @param options `subjectsFilter`: also count the messages of each subject that this pattern
   * matches.
   * @throws {JobEventError} `ERR_NOT_FOUND` when the stream was deleted.
   */
  info(options?: { readonly subjectsFilter?: string }): Promise<StreamInfo>;
}

/** A page of {@linkcode StreamInfo}: the subjects come in pages of 100,000. */
interface InfoPage extends StreamInfo {
  readonly total?: number;
  readonly offset?: number;
  readonly limit?: number;
}

/**
 * Finds the stream, or makes it.
 *
 * A stream that is there is used as it is when it takes every subject under the prefix. With
 * `updateStream` it gets the settings that are asked for, and the subjects in addition to its own.
 * Several callers may do this at once: all get the one stream.
 *
 * @param connection An open connection. It stays open.
 * @param options Names and settings.
 * @throws {TypeError} A name cannot be used.
 * @throws {RangeError} A number of `stream` is out of bounds.
 * @throws {JobEventError} `ERR_STREAM_CONFIG`: the stream is another one, or the server refuses its
 * settings. `ERR_NOT_FOUND`: there is none, and `createStream` is false. `ERR_PERMISSION`: the user
 * may not. `ERR_UNSUPPORTED`: there is no JetStream for this user. `ERR_UNAVAILABLE` or
 * `ERR_TIMEOUT`: no answer. Each message says what to change.
 */
export async function openEventStream(
  connection: NatsConnectionLike,
  options: EventStreamOptions = {},
): Promise<EventStream> {
  const { streamName = DEFAULT_STREAM_NAME, stream = {} } = options;
  const subjects = new JobEventSubjects(options.subjectPrefix);
  const server = serverCapabilities(connection.info);
  checkStreamName(streamName);
  const wanted = toStreamConfig(streamName, subjects.all(), stream, server);
  return await openStream(connection, subjects, wanted, options);
}

/**
 * Finds a stream of any kind, or makes it: as {@linkcode openEventStream}, with settings that the
 * caller has put together.
 *
 * @param subjects How the stream's subjects begin; it has to take them all.
 * @param wanted The settings, with a name that was checked.
 */
export async function openStream(
  connection: NatsConnectionLike,
  subjects: JobEventSubjects,
  wanted: StreamConfig,
  options: StreamOpening = {},
): Promise<EventStream> {
  const setup = new StreamSetup(connection, subjects, wanted, options);
  return await setup.open();
}

const FIND_AGAIN_MS = 50;

/** One opening. */
class StreamSetup {
  readonly #connection: NatsConnectionLike;
  readonly #name: string;
  readonly #subjects: JobEventSubjects;
  readonly #wanted: StreamConfig;
  readonly #creates: boolean;
  readonly #updates: boolean;
  readonly #api: Required<JsApiOptions>;

  constructor(
    connection: NatsConnectionLike,
    subjects: JobEventSubjects,
    wanted: StreamConfig,
    options: StreamOpening,
  ) {
    const { createStream = true, updateStream = false, domain } = options;
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    this.#connection = connection;
    this.#name = wanted.name;
    this.#subjects = subjects;
    this.#wanted = wanted;
    this.#creates = createStream;
    this.#updates = updateStream;
    this.#api = {
      apiPrefix: domain === undefined ? DEFAULT_API_PREFIX : `$JS.${domain}.API`,
      timeoutMs,
    };
  }

  async open(): Promise<EventStream> {
    const existing = await this.#find();
    if (existing !== undefined) return await this.#use(existing);
    if (!this.#creates) {
      throw new JobEventError(
        "ERR_NOT_FOUND",
        `Cannot open stream "${this.#name}": there is none on this server. What is stored first ` +
          "makes it; else name another server or another stream",
      );
    }
    try {
      return this.#opened(await this.#ask<StreamInfo>("create", this.#wanted));
    } catch (error) {
      // Somebody else was quicker, with other settings: then theirs is the existing stream. A
      // server before 2.10 may say that its subjects overlap, while that stream is being made.
      const isTaken = hasApiErrorCode(error, ApiErrorCode.StreamNameInUse);
      if (!isTaken && !hasApiErrorCode(error, ApiErrorCode.SubjectOverlap)) throw error;
      const winner = isTaken ? await this.#findSoon() : await this.#find();
      if (winner === undefined) throw error;
      return await this.#use(winner);
    }
  }

  /** In a cluster a name is taken a moment before anyone finds its stream. */
  async #findSoon(): Promise<StreamInfo | undefined> {
    const deadline = Date.now() + this.#api.timeoutMs;
    for (;;) {
      const found = await this.#find();
      if (found !== undefined || Date.now() >= deadline) return found;
      await pause(FIND_AGAIN_MS);
    }
  }

  async #find(): Promise<StreamInfo | undefined> {
    try {
      return await this.#ask<StreamInfo>("info");
    } catch (error) {
      if (hasApiErrorCode(error, ApiErrorCode.StreamNotFound)) return undefined;
      throw error;
    }
  }

  async #use(existing: StreamInfo): Promise<EventStream> {
    const differences = streamDifferences(existing.config, this.#wanted);
    if (this.#updates && differences.length > 0) {
      if (differences.some(({ key }) => key === "storage")) {
        throw this.#conflict(existing.config, "the storage of a stream cannot be changed");
      }
      const merged = mergeStreamConfig(existing.config, this.#wanted);
      return this.#opened(await this.#ask<StreamInfo>("update", merged));
    }
    if (existing.config.mirror !== undefined) {
      throw this.#conflict(existing.config, "it is a mirror, which takes no events");
    }
    if (!covers(existing.config.subjects ?? [], this.#subjects.all())) {
      throw this.#conflict(existing.config, `it does not take ${this.#subjects.all()}`);
    }
    return this.#opened(existing);
  }

  #conflict(actual: StreamConfig, reason: string): JobEventError {
    const differences = streamDifferences(actual, this.#wanted);
    const remedy = this.#updates
      ? "Use another streamName, or the stream's own settings"
      : "With updateStream: true the stream would get these settings, and keep its own subjects; " +
        "otherwise use another streamName or subjectPrefix";
    return new JobEventError(
      "ERR_STREAM_CONFIG",
      `Cannot use stream "${this.#name}": ${reason}. What differs: ` +
        `${describeDifferences(differences)}. ${remedy}`,
    );
  }

  #opened(info: StreamInfo): EventStream {
    const connection = this.#connection;
    const api = this.#api;
    const name = this.#name;
    return {
      connection,
      name,
      subjects: this.#subjects,
      capabilities: streamCapabilities(serverCapabilities(connection.info), info.config),
      apiPrefix: api.apiPrefix,
      config: info.config,
      request: (subject, body, options) =>
        jsApiRequest(connection, subject, body, { ...api, ...options }),
      info: (options) => readInfo(connection, name, api, options?.subjectsFilter),
    };
  }

  async #ask<T>(what: "info" | "create" | "update", config?: StreamConfig): Promise<T> {
    const subject = `STREAM.${what.toUpperCase()}.${this.#name}`;
    try {
      return await jsApiRequest<T>(this.#connection, subject, config, this.#api);
    } catch (error) {
      if (apiErrorOf(error)?.err_code === ApiErrorCode.StreamNotFound) throw error;
      if (apiErrorOf(error)?.err_code === ApiErrorCode.StreamNameInUse) throw error;
      throw await explainRefusal(error, {
        connection: this.#connection,
        action: `Cannot ${what === "info" ? "open" : what} stream "${this.#name}"`,
        subject: `${this.#api.apiPrefix}.${subject}`,
        wanted: this.#wanted,
        api: this.#api,
      });
    }
  }
}

async function readInfo(
  connection: NatsConnectionLike,
  name: string,
  api: JsApiOptions,
  subjectsFilter: string | undefined,
): Promise<StreamInfo> {
  const ask = (offset: number): Promise<InfoPage> => {
    const body = subjectsFilter === undefined
      ? undefined
      : { subjects_filter: subjectsFilter, offset };
    return jsApiRequest<InfoPage>(connection, `STREAM.INFO.${name}`, body, api);
  };
  const first = await ask(0);
  let subjects = first.state.subjects;
  let seen = Object.keys(subjects ?? {}).length;
  while (subjects !== undefined && seen > 0 && seen < (first.total ?? 0)) {
    const page = (await ask(seen)).state.subjects ?? {};
    const count = Object.keys(page).length;
    if (count === 0) break;
    seen += count;
    subjects = { ...subjects, ...page };
  }
  return subjects === undefined ? first : { ...first, state: { ...first.state, subjects } };
}
