/** Options of a task queue on a NATS server. */

import type { UndecodableMessage } from "../../storage/storage.ts";
import type { TaskQueueOptions } from "../queue.ts";
import type { TaskStreamOptions } from "./setup.ts";

/** Options of `NatsTaskQueue.open`. */
export interface NatsTaskQueueOptions extends TaskQueueOptions, TaskStreamOptions {
  /**
   * What the names of the stream `{prefix}-tokens`, of the bucket `{prefix}-tasks` and of all
   * subjects begin with. Queues with different prefixes know nothing of each other.
   * @default "naq"
   */
  readonly prefix?: string;
  /** How long calls go on trying while the server does not answer, in milliseconds.
   * @default 15000 */
  readonly patienceMs?: number;
  /** Whether `close()` closes the connection, too. @default false */
  readonly closeConnection?: boolean;
  /**
   * Told of each task and each schedule in the bucket that cannot be decoded, each time that one is
   * come across: it stays there, is left out of lists and cleanups, and nobody gets it from
   * `dequeue`. A call for that one task rejects with `ERR_DECODE`; `deleteTask` and `unschedule`
   * delete it. An error of this function is ignored.
   */
  readonly onDecodeError?: (message: UndecodableMessage) => void;
}
