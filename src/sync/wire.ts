/** What the two threads say to each other: types only, but for the cells of the shared signal. */

import type { MessagePort } from "node:worker_threads";
import type { PackedValue } from "./packed_error.ts";

/** The cell that counts up, with a notification, whenever the worker has news. */
export const NEWS = 0;
/** The cell with the worker's state. */
export const STATE = 1;
/** The state of a worker that answers. */
export const RUNNING = 1;
/** The state of a worker that has ended. */
export const GONE = 2;

/** What a worker is born with. */
export interface WorkerStart {
  /** Its end of the line. */
  readonly port: MessagePort;
  /** Two cells of 32 bits: {@linkcode NEWS} and {@linkcode STATE}. */
  readonly signal: SharedArrayBuffer;
}

/** A method call, from the caller to the worker. */
export interface CallMessage {
  /** Returns with the answer; 0 for no answer. */
  readonly id: number;
  /** The object, by its number; 0 is the worker's root. */
  readonly target: number;
  /** One of the object's methods. */
  readonly method: string;
  readonly args: readonly unknown[];
  /** The result stays in the worker, as the object with this number. */
  readonly keepAs?: number;
  /** Nobody calls the object again: the worker forgets it. */
  readonly isLast?: true;
}

/** What a call came to, from the worker to the caller. */
export interface AnswerMessage {
  readonly id: number;
  readonly value?: unknown;
  readonly thrown?: PackedValue;
}
