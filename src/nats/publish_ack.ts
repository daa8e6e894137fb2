/** Reads the acknowledgements of JetStream, the usual form of them without parsing JSON. */

import { JobEventError } from "../errors.ts";
import type { AppendOutcome } from "../storage/storage.ts";
import { type ApiError, apiFailure, isTransientPublishError } from "./api_error.ts";
import type { NatsMessageLike } from "./connection.ts";

/** An acknowledgement, as JSON. */
interface PublishAck {
  readonly stream?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: ApiError;
}

const decoder = new TextDecoder();
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const CLOSING_BRACE = 125;
/** The digits of the sequence and the end, which is all that differs from ack to ack. */
const PLAIN_ACK = /^(\{[^{}]*"seq":)\d+\}$/;

/** Reads the acknowledgements of one publisher. */
export class AckReader {
  readonly #expectedStream: string | undefined;
  /** How an acknowledgement of the right stream begins: learned from the first one. */
  #start = new Uint8Array(0);

  /**
   * Begins with nothing learned.
   *
   * @param expectedStream The stream that is to acknowledge; any one will do without it.
   */
  constructor(expectedStream: string | undefined) {
    this.#expectedStream = expectedStream;
  }

  /**
   * What became of a message.
   *
   * @param message What came to its reply subject.
   * @param subject Where the message went.
   * @returns `undefined` when this is no answer of JetStream's.
   */
  read(message: NatsMessageLike, subject: string): AppendOutcome | undefined {
    const { data } = message;
    const sequence = this.#plainSequence(data);
    if (sequence > 0) return { status: "stored", sequence };
    if (data.length === 0) return readStatus(message, subject);
    return this.#readJson(data, subject);
  }

  #plainSequence(data: Uint8Array): number {
    const start = this.#start;
    const last = data.length - 1;
    if (start.length === 0 || last <= start.length || data[last] !== CLOSING_BRACE) return 0;
    for (let index = 0; index < start.length; index++) {
      if (data[index] !== start[index]) return 0;
    }
    let sequence = 0;
    for (let index = start.length; index < last; index++) {
      const digit = data[index]!;
      if (digit < DIGIT_0 || digit > DIGIT_9) return 0;
      sequence = sequence * 10 + digit - DIGIT_0;
    }
    return sequence;
  }

  #readJson(data: Uint8Array, subject: string): AppendOutcome | undefined {
    const text = decoder.decode(data);
    let ack: PublishAck;
    try {
      ack = JSON.parse(text) as PublishAck;
    } catch {
      return undefined;
    }
    if (typeof ack !== "object" || ack === null) return undefined;
    if (ack.error !== undefined) return refused(ack.error, subject);
    if (typeof ack.stream !== "string" || typeof ack.seq !== "number" || ack.seq < 1) {
      return undefined;
    }
    const expected = this.#expectedStream;
    if (expected !== undefined && ack.stream !== expected) {
      return {
        status: "rejected",
        error: new JobEventError(
          "ERR_STREAM_CONFIG",
          `Cannot store an event under ${subject}: stream "${ack.stream}" took it, ` +
            `not "${expected}"`,
        ),
      };
    }
    const plain = PLAIN_ACK.exec(text);
    if (plain !== null) this.#start = new TextEncoder().encode(plain[1]!);
    return { status: ack.duplicate === true ? "duplicate" : "stored", sequence: ack.seq };
  }
}

/** An answer without data has a status in its headers: nobody is there, or too much was sent. */
function readStatus(message: NatsMessageLike, subject: string): AppendOutcome | undefined {
  const code = message.headers?.code ?? 0;
  if (code === 0) return undefined;
  const reason = code === 503
    ? "no stream takes it: there is none, it has no leader, or JetStream is off for this account"
    : message.headers?.description || `status ${code}`;
  const error = new JobEventError(
    "ERR_UNAVAILABLE",
    `Cannot store an event under ${subject}: ${reason}`,
  );
  return { status: "retry", error };
}

function refused(error: ApiError, subject: string): AppendOutcome {
  return {
    status: isTransientPublishError(error) ? "retry" : "rejected",
    error: apiFailure(`Cannot store an event under ${subject}`, error),
  };
}
