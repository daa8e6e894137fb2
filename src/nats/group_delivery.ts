/** What a reader of a group gives, and to whom. */

import type { DeliveryInfo, StreamMessage } from "./message.ts";
import type { ReadContext } from "./patience.ts";

/** One message that is to be settled. */
export interface GroupDelivery {
  /** The message, as it was delivered. */
  readonly message: StreamMessage;
  /** Which delivery it is. */
  readonly info: DeliveryInfo;
  /** Where the server is told what became of it. */
  readonly ackSubject: string;
  /** That of the stream which delivered it. */
  readonly context: ReadContext;
  /** Until when it is not delivered again, in milliseconds since the Unix epoch. */
  readonly dueAt: number;
}

/** Whom a reader reads for. */
export interface GroupReaderOwner {
  /** A delivery that is not settled within this time is delivered again, in milliseconds. */
  readonly ackWaitMs: number;
  /** How many messages may be here that nobody has taken. */
  room(): number;
  /** Whether somebody waits for a message. */
  isAsked(): boolean;
  /** A message came. Gives whether it waits here to be taken; else it is dealt with. */
  onMessage(delivery: GroupDelivery): boolean;
  /** It is about to write to the connection: what else is to be written costs little now. */
  onRequest(): void;
  /** There is a message to take, an error, or reason to ask again. */
  onArrival(): void;
  /** Nobody took the message. */
  onUnseen(delivery: GroupDelivery): void;
  /** The consumer was made by then; called when it may be another one than before. */
  onConsumer(created: string): void;
}
