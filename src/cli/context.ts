/** What every command gets: the storage, the output and the signal that ends it. */

import { readFile } from "node:fs/promises";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { styleText } from "node:util";
import { loadConfig } from "../config.ts";
import type { ConnectOptions } from "../connect/options.ts";
import { openStorage } from "../open.ts";
import type { JobEventStorage } from "../storage/storage.ts";
import { CliError, errorLine, ExitCode } from "./exit.ts";
import { type Output, wantsColor } from "./output.ts";
import { counted, shown, shownJson } from "./text.ts";

/** The options that every command takes. */
export interface GlobalOptions {
  readonly storage?: string;
  readonly format: "table" | "json" | "ndjson";
  readonly stream?: string;
  readonly subjectPrefix?: string;
  readonly creds?: string;
  readonly inboxPrefix?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** What the program runs in. */
export interface Host {
  readonly out: Output;
  /** Aborts when the program is to end: by a signal, or since nobody reads the output. */
  readonly signal: AbortSignal;
}

/** What a command does to a storage: `make` also makes the file or the stream. */
export type Access = "read" | "change" | "make";

/** How long a server may take to answer, in milliseconds. */
const CONNECT_MS = 5000;

type Color = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

/** One run of a command. */
export class CommandContext {
  /** Standard output. */
  readonly out: Output;
  /** Ends the command. */
  readonly signal: AbortSignal;
  readonly format: GlobalOptions["format"];
  readonly #options: GlobalOptions;
  readonly #owned: AsyncDisposable[] = [];
  #closing: Promise<void> = Promise.resolve();
  readonly #colors: boolean;

  constructor(host: Host, options: GlobalOptions) {
    this.out = host.out;
    this.signal = host.signal;
    this.format = options.format;
    this.#options = options;
    this.#colors = wantsColor(process.stdout);
    // What waits for a storage ends with it.
    host.signal.addEventListener("abort", () => void this.close(), { once: true });
  }

  /** The storage's URL. */
  get storageUrl(): string {
    return this.#options.storage ?? loadConfig().storageUrl;
  }

  /** The stream's name and what its subjects begin with. */
  get names(): { readonly streamName: string; readonly subjectPrefix: string } {
    const { streamName, subjectPrefix } = loadConfig();
    const { stream = streamName, subjectPrefix: prefix = subjectPrefix } = this.#options;
    return { streamName: stream, subjectPrefix: prefix };
  }

  /**
   * Opens a storage, which is closed when the command ends.
   *
   * @param access What is to be done to it. Only `make` makes one that is not there.
   * @param options `url`: which, by default that of the command line; `timeoutMs`: how long a
   * server may take to answer.
   */
  async open(
    access: Access,
    options: { readonly url?: string; readonly timeoutMs?: number } = {},
  ): Promise<JobEventStorage> {
    const { url = this.storageUrl, timeoutMs = CONNECT_MS } = options;
    const { streamName, subjectPrefix } = this.names;
    const storage = await this.#unlessEnded(openStorage(url, {
      subjectPrefix,
      create: access === "make",
      readOnly: access === "read",
      connect: { ...await this.connectOptions(), timeoutMs },
      nats: { streamName },
    }));
    return this.own(storage);
  }

  /** Takes care of something: it is disposed of when the command ends, the last one first. */
  own<Owned extends AsyncDisposable>(owned: Owned): Owned {
    this.#owned.push(owned);
    return owned;
  }

  /** How to connect to NATS, beside the URL. */
  async connectOptions(): Promise<Omit<ConnectOptions, "servers">> {
    const { creds, inboxPrefix, tlsCa, tlsCert, tlsKey } = this.#options;
    const files = { ca: tlsCa, cert: tlsCert, key: tlsKey };
    const tls: Record<string, string> = {};
    for (const [name, path] of Object.entries(files)) {
      if (path !== undefined) tls[name] = await readFile(path, "utf8");
    }
    return {
      name: "naq-events command line",
      timeoutMs: CONNECT_MS,
      ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
      ...(creds === undefined ? {} : { creds: await readFile(creds, "utf8") }),
      ...(Object.keys(tls).length === 0 ? {} : { tls }),
    };
  }

  /** Says something that is no result, on standard error. */
  note(text: string): void {
    process.stderr.write(`${shown(text)}\n`);
  }

  /** A text in a colour, where colours are wanted. */
  paint(color: Color, text: string): string {
    return this.#colors ? styleText(color, text, { validateStream: false }) : text;
  }

  /** Prints a result: as JSON where that is wanted, else as the text. */
  async print(value: unknown, text: () => string): Promise<void> {
    if (this.format === "table") return await this.out.line(text());
    const space = this.format === "json" ? 2 : undefined;
    await this.out.line(shownJson(JSON.stringify(value, undefined, space)));
  }

  /** Prints a list: as an array, as one line of JSON for each, else as the text. */
  async printList(values: readonly unknown[], text: () => string): Promise<void> {
    if (this.format !== "ndjson") return await this.print(values, text);
    for (const value of values) await this.print(value, text);
  }

  /** Closes what was opened. Says so when something in a storage could not be read. */
  close(): Promise<void> {
    // One after the other: the end of the command waits for what its signal has begun.
    this.#closing = this.#closing.then(() => this.#closeOwned());
    return this.#closing;
  }

  async #closeOwned(): Promise<void> {
    for (let owned = this.#owned.pop(); owned !== undefined; owned = this.#owned.pop()) {
      const { decodeErrors = 0 } = owned as { readonly decodeErrors?: number };
      if (decodeErrors > 0) {
        this.note(`Passed over ${counted(decodeErrors, "message")} that cannot be decoded`);
      }
      try {
        await owned[Symbol.asyncDispose]();
      } catch (error) {
        this.note(errorLine(error));
      }
    }
  }

  /** Asks a person on a terminal. Where there is none, the answer is yes. */
  async confirm(question: string, options: { readonly yes?: boolean }): Promise<void> {
    if (options.yes === true || process.stdin.isTTY !== true) return;
    const { createInterface } = await import("node:readline/promises");
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    // It takes Ctrl-C for itself.
    prompt.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
    try {
      const answer = await prompt.question(`${question} [y/N] `, { signal: this.signal });
      if (/^y(es)?$/i.test(answer.trim())) return;
    } finally {
      prompt.close();
    }
    throw new CliError(ExitCode.Failure, "Nothing was done");
  }

  /** What was opened after the end is closed again. */
  async #unlessEnded(opening: Promise<JobEventStorage>): Promise<JobEventStorage> {
    const ended = new Promise<never>((_, reject) => {
      const end = () => reject(this.signal.reason);
      if (this.signal.aborted) end();
      else this.signal.addEventListener("abort", end, { once: true });
    });
    opening.then((storage) => {
      if (this.signal.aborted) void storage.close();
    }, () => {});
    return await Promise.race([opening, ended]);
  }
}

/** Says every time that the storage goes away or comes back, until the signal aborts. */
export async function watchHealth(
  context: CommandContext,
  storage: JobEventStorage,
  everyMs = 2000,
): Promise<void> {
  let wasAway = false;
  while (!context.signal.aborted) {
    try {
      await pause(everyMs, undefined, { signal: context.signal, ref: false });
    } catch {
      return;
    }
    const { status, error = status } = await storage.healthCheck({ timeoutMs: everyMs });
    const isAway = status !== "healthy";
    if (isAway !== wasAway && !context.signal.aborted) {
      context.note(isAway ? `Waiting for the storage: ${errorLine({ message: error })}` : "Back");
    }
    wasAway = isAway;
  }
}
