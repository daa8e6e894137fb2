/** What the runtime must be able to do, and when a script ends. */

import { JobEventError } from "../errors.ts";

/** The part of Node's `process` that is needed here; Deno and Bun have it too. */
interface Process {
  getBuiltinModule?(name: "node:fs"): typeof import("node:fs") | undefined;
  getBuiltinModule?(name: "node:worker_threads"): typeof import("node:worker_threads") | undefined;
  on?(event: "exit", listener: () => void): void;
  off?(event: "exit", listener: () => void): void;
}

const { process } = globalThis as { process?: Process };

/** What to use where no thread may be blocked. */
const WITH_AWAIT = {
  storage: "openStorage and JobEventLogger",
  backend: "openBackend",
} as const;

/** What a worker thread is there for. */
export type ThreadPurpose = keyof typeof WITH_AWAIT;

/**
 * The module for threads. It is not imported, so that this package can be loaded, bundled and
 * asked for where there are no threads.
 *
 * @param purpose What is to be opened.
 * @throws {JobEventError} `ERR_UNSUPPORTED`: there are no threads, or this one may not be blocked.
 */
export function threads(purpose: ThreadPurpose): typeof import("node:worker_threads") {
  const module = process?.getBuiltinModule?.("node:worker_threads");
  if (module?.receiveMessageOnPort !== undefined && canBlock()) return module;
  throw new JobEventError(
    "ERR_UNSUPPORTED",
    `Cannot open a blocking ${purpose}: this thread cannot wait for another one. That needs ` +
      `Deno, Bun or Node; elsewhere use ${WITH_AWAIT[purpose]}, with await`,
  );
}

/** A browser's main thread and functions at the edge may not wait, or share no memory. */
function canBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

/** Throws now what a worker could not say when it cannot read the file that it is to run. */
export function assertReadable(module: URL): void {
  if (module.protocol === "file:") process?.getBuiltinModule?.("node:fs")?.accessSync(module);
}

/** What is to be done when a script ends. */
export interface EndListener {
  /** The process exits: whatever is left must be done now. */
  end(): void;
  /** An error that nobody catches is about to end the process. */
  crash(): void;
}

/**
 * Listens for the end of the script.
 *
 * @returns Takes the listener away again.
 */
export function onScriptEnd(listener: EndListener): () => void {
  const end = () => listener.end();
  const crash = () => listener.crash();
  process?.on?.("exit", end);
  // Deno has no "exit" when `Deno.exit` is called or an error is not caught, but these. Node has
  // none of them.
  const { addEventListener, removeEventListener } = globalThis as Partial<typeof globalThis>;
  addEventListener?.("unload", end);
  addEventListener?.("error", crash);
  addEventListener?.("unhandledrejection", crash);
  return () => {
    process?.off?.("exit", end);
    removeEventListener?.("unload", end);
    removeEventListener?.("error", crash);
    removeEventListener?.("unhandledrejection", crash);
  };
}
