/** Standard output: with back-pressure, and a reader that may go away. */

import process from "node:process";

/** So much text is collected before it is written. */
const CHUNK_LENGTH = 64 * 1024;

/** What a pipe says that nobody reads any more; a terminal that was closed says EIO. */
const CLOSED = ["EPIPE", "EIO", "ERR_STREAM_DESTROYED"];

/** Who reads the output has gone: there is no need to go on. It is no failure. */
export class OutputClosedError extends Error {
  override readonly name = "OutputClosedError" as const;
}

/** Writes texts in their order. */
export class Output {
  readonly #stream: NodeJS.WriteStream;
  readonly #whenEnded: Promise<void>;
  readonly #removeListener: () => void;
  #text = "";
  /** Why nothing can be written any more. */
  #end: Error | undefined;

  /** @param onClosed Called when the reader has gone. */
  constructor(stream: NodeJS.WriteStream, onClosed: () => void) {
    this.#stream = stream;
    let sayEnded = (): void => {};
    this.#whenEnded = new Promise((resolve) => sayEnded = resolve);
    const onError = (error: Error): void => {
      const isClosed = CLOSED.includes(String((error as { readonly code?: unknown }).code));
      this.#end = isClosed ? new OutputClosedError() : error;
      sayEnded();
      if (isClosed) onClosed();
    };
    stream.on("error", onError);
    this.#removeListener = () => stream.off("error", onError);
  }

  /** Whether a person reads it, on a terminal. */
  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** How wide a line may be; without end where no terminal says so. */
  get columns(): number {
    return this.isTerminal ? this.#stream.columns ?? 80 : Infinity;
  }

  /** Adds a line. Wait for it: the reader may be slower. */
  line(text: string): Promise<void> {
    return this.add(`${text}\n`);
  }

  /** Adds a text. */
  async add(text: string): Promise<void> {
    this.#text += text;
    if (this.#text.length >= CHUNK_LENGTH) await this.flush();
  }

  /**
   * Writes what was added.
   *
   * @throws {OutputClosedError} The reader has gone.
   */
  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    if (text !== "") await this.write(text);
  }

  /** Writes at once. */
  async write(data: string | Uint8Array): Promise<void> {
    if (this.#end !== undefined) throw this.#end;
    const written = new Promise<void>((resolve) => this.#stream.write(data, () => resolve()));
    await Promise.race([written, this.#whenEnded]);
    if (this.#end !== undefined) throw this.#end;
  }

  /** Stops looking at the stream, which stays open. */
  release(): void {
    // What fails after the last write, which was waited for, is of no interest.
    if (this.#end === undefined) this.#removeListener();
  }
}

/** Whether a stream gets colours: it is a terminal, and nobody said otherwise. */
export function wantsColor(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") return FORCE_COLOR !== "0";
  return stream.isTTY === true && TERM !== "dumb";
}
