/** The caller's side of the line: calls methods of a worker's objects and blocks until they end. */

import type { MessagePort, Worker } from "node:worker_threads";
import { JobEventError, messageOf } from "../errors.ts";
import type { Pages } from "./host.ts";
import { unpackThrown } from "./packed_error.ts";
import {
  assertReadable,
  type EndListener,
  onScriptEnd,
  type ThreadPurpose,
  threads,
} from "./platform.ts";
import { type AnswerMessage, type CallMessage, GONE, NEWS, RUNNING, STATE } from "./wire.ts";

const PAGE_SIZE = 256;

type Method = (...args: never[]) => unknown;
type MethodName<T> = { [K in keyof T]: T[K] extends Method ? K : never }[keyof T] & string;
type Args<T, K extends keyof T> = T[K] extends (...args: infer A) => unknown ? A : never;
type Result<T, K extends keyof T> = T[K] extends (...args: never[]) => infer R ? Awaited<R> : never;
/** What the worker keeps of a result. */
type Kept<V> = V extends AsyncIterable<infer Item> ? Pages<Item> : V extends object ? V : never;
type Item<V> = V extends AsyncIterable<infer I> ? I : never;

/** Checks a time to wait. */
export function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs !== "number" || !(timeoutMs >= 0)) {
    throw new RangeError(`timeoutMs is ${timeoutMs}, at least 0 is needed`);
  }
  return timeoutMs;
}

/** One worker thread and the line to it. */
export class WorkerClient {
  readonly #purpose: ThreadPurpose;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #receive: typeof import("node:worker_threads").receiveMessageOnPort;
  readonly #listeners = new Set<EndListener>();
  readonly #forgetEnd: () => void;
  #lastId = 0;
  #lastTarget = 0;
  #failure: unknown;
  #isClosed = false;

  /** Shared with the worker: see `NEWS` and `STATE`. */
  readonly signal: Int32Array<SharedArrayBuffer>;

  /**
   * Starts a worker. It does not keep the script from ending.
   *
   * @param module A module that calls `serve`.
   * @param purpose What errors call that which is closed or gone with the worker.
   * @throws {JobEventError} `ERR_UNSUPPORTED`: this thread cannot wait for another one.
   * `ERR_PERMISSION`: the worker's file may not be read. `ERR_UNAVAILABLE`: it is not there, or no
   * thread was to be had.
   */
  constructor(module: URL, purpose: ThreadPurpose) {
    const { MessageChannel, receiveMessageOnPort, Worker } = threads(purpose);
    this.#purpose = purpose;
    this.signal = new Int32Array(new SharedArrayBuffer(8));
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#receive = receiveMessageOnPort;
    try {
      assertReadable(module);
      this.#worker = new Worker(loadable(module), {
        workerData: { port: port2, signal: this.signal.buffer },
        transferList: [port2],
      });
    } catch (cause) {
      const { name, code } = cause as { readonly name?: string; readonly code?: string };
      const isRefused = name === "NotCapable" || code === "EACCES" || code === "ERR_ACCESS_DENIED";
      throw new JobEventError(
        isRefused ? "ERR_PERMISSION" : "ERR_UNAVAILABLE",
        `Cannot start a worker: ${messageOf(cause)}`,
        { cause },
      );
    }
    this.#worker.on("error", (error) => {
      this.#failure = error;
      Atomics.store(this.signal, STATE, GONE);
    });
    this.#worker.unref();
    this.#forgetEnd = onScriptEnd({
      end: () => [...this.#listeners].forEach((listener) => listener.end()),
      crash: () => [...this.#listeners].forEach((listener) => listener.crash()),
    });
  }

  /** Whether the worker has ended without being told to. */
  get isGone(): boolean {
    return !this.#isClosed && Atomics.load(this.signal, STATE) === GONE;
  }

  /** Whether {@linkcode close} was called. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The worker's root. */
  root<T extends object>(): Remote<T> {
    return new Remote(this, 0);
  }

  /** A number for an object in the worker that no other object has. */
  nextTarget(): number {
    return ++this.#lastTarget;
  }

  /** Tells a listener of the end of the script; the returned function stops that. */
  onScriptEnd(listener: EndListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Sends a message and does not wait.
   *
   * @throws {TypeError} An argument is of a kind that cannot leave its thread: a function, say.
   */
  post(message: CallMessage, transfer: readonly MessagePort[] = []): void {
    try {
      this.#port.postMessage(message, transfer);
    } catch (cause) {
      const reason = `an argument cannot be sent to a worker: ${messageOf(cause)}`;
      throw new TypeError(`Cannot call ${message.method}: ${reason}`, { cause });
    }
  }

  /** Sends a call and waits for what it comes to. */
  request(message: Omit<CallMessage, "id">, timeoutMs: number): unknown {
    checkTimeout(timeoutMs);
    const action = `call ${message.method}`;
    this.assertUsable(action);
    const id = ++this.#lastId;
    this.post({ id, ...message });
    const answer = this.waitFor(() => this.#answerTo(id), timeoutMs);
    if (answer === undefined) {
      this.assertUsable(action);
      const hasStarted = Atomics.load(this.signal, STATE) === RUNNING;
      const reason = hasStarted ? "no answer" : "the worker has not started";
      throw new JobEventError("ERR_TIMEOUT", `Cannot ${action}: ${reason} within ${timeoutMs} ms`);
    }
    if (answer.thrown !== undefined) throw unpackThrown(answer.thrown);
    return answer.value;
  }

  /**
   * Blocks this thread until there is a value.
   *
   * @param look Gives the value, or `undefined` as long as there is none. It is called again after
   * each news from the worker.
   * @returns `undefined` when the time is up or the worker has ended.
   */
  waitFor<Value>(look: () => Value | undefined, timeoutMs: number): Value | undefined {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      // The order matters: news that come after the look make the wait end at once.
      const news = Atomics.load(this.signal, NEWS);
      const hasEnded = this.isGone || this.#isClosed;
      const value = look();
      const leftMs = deadline - performance.now();
      if (value !== undefined || hasEnded || leftMs <= 0) return value;
      Atomics.wait(this.signal, NEWS, news, leftMs);
    }
  }

  /** @throws {JobEventError} `ERR_CLOSED` or `ERR_UNAVAILABLE`: the worker is no longer there. */
  assertUsable(action: string): void {
    if (this.#isClosed) {
      throw new JobEventError("ERR_CLOSED", `Cannot ${action}: the ${this.#purpose} is closed`);
    }
    if (this.isGone) throw this.goneError(action);
  }

  /** What there is to say of a worker that has ended. */
  goneError(action: string): JobEventError {
    const reason = this.#failure === undefined ? "" : `: ${messageOf(this.#failure)}`;
    return new JobEventError(
      "ERR_UNAVAILABLE",
      `Cannot ${action}: the worker thread has ended${reason}. Open the ${this.#purpose} anew`,
      this.#failure === undefined ? {} : { cause: this.#failure },
    );
  }

  /** Ends the worker. */
  close(): void {
    this.#isClosed = true;
    this.#forgetEnd();
    this.#port.close();
    void this.#worker.terminate();
  }

  /** Late answers to calls that were given up are passed over. */
  #answerTo(id: number): AnswerMessage | undefined {
    for (let got = this.#receive(this.#port); got; got = this.#receive(this.#port)) {
      const answer = got.message as AnswerMessage;
      if (answer.id === id) return answer;
    }
    return undefined;
  }
}

/** An object in a worker, of which this thread sees the methods. */
export class Remote<T extends object> {
  readonly #client: WorkerClient;
  readonly #target: number;

  constructor(client: WorkerClient, target: number) {
    this.#client = client;
    this.#target = target;
  }

  /** Calls a method and waits for its result. What it throws is thrown here. */
  call<K extends MethodName<T>>(method: K, args: Args<T, K>, timeoutMs: number): Result<T, K> {
    const message = { target: this.#target, method, args };
    return this.#client.request(message, timeoutMs) as Result<T, K>;
  }

  /** Calls a method and waits until its result is there; the result stays in the worker. */
  open<K extends MethodName<T>>(
    method: K,
    args: Args<T, K>,
    timeoutMs: number,
  ): Remote<Kept<Result<T, K>>> {
    const keepAs = this.#client.nextTarget();
    this.#client.request({ target: this.#target, method, args, keepAs }, timeoutMs);
    return new Remote(this.#client, keepAs);
  }

  /** Does as {@linkcode open}, but does not wait and is not told of errors. */
  openSoon<K extends MethodName<T>>(
    method: K,
    args: Args<T, K>,
    transfer: readonly MessagePort[],
  ): Remote<Kept<Result<T, K>>> {
    const keepAs = this.#client.nextTarget();
    this.#client.post({ id: 0, target: this.#target, method, args, keepAs }, transfer);
    return new Remote(this.#client, keepAs);
  }

  /** Calls a method and does not wait. */
  post<K extends MethodName<T>>(method: K, args: Args<T, K>): void {
    this.#client.post({ id: 0, target: this.#target, method, args });
  }

  /** The items of what a method gives, page by page: the worker reads no further than asked. */
  *iterate<K extends MethodName<T>>(
    method: K,
    args: Args<T, K>,
    timeoutMs: number,
  ): Generator<Item<Result<T, K>>, void> {
    const pages = this.open(method, args, timeoutMs) as unknown as Remote<
      Pages<Item<Result<T, K>>>
    >;
    try {
      for (let isLast = false; !isLast;) {
        const page = pages.call("next", [PAGE_SIZE], timeoutMs);
        yield* page.items;
        isLast = page.isLast;
      }
    } finally {
      pages.release();
    }
  }

  /** Has the object free what it holds, with its method of this name, and be forgotten. */
  release(): void {
    if (this.#client.isClosed) return;
    const target = this.#target;
    this.#client.post({ id: 0, target, method: "release", args: [], isLast: true });
  }
}

/** Deno refuses a worker from the web unless a file or a `data:` URL asks for it. */
function loadable(module: URL): URL {
  if (module.protocol === "file:" || module.protocol === "data:") return module;
  return new URL(`data:text/javascript,${encodeURIComponent(`import "${module.href}";`)}`);
}
