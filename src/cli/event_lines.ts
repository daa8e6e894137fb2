/** Events as lines of a terminal, in columns that grow with what they hold. */

import type { JobEvent, JobEventType, StoredJobEvent } from "../gen/types.ts";
import type { CommandContext } from "./context.ts";
import { eventLine } from "./json.ts";
import { dateTime, shown, timeOfDay } from "./text.ts";

/** In which colour a type of events is shown; the others have none. */
const COLORS: Readonly<Partial<Record<JobEventType, "red" | "green" | "yellow">>> = {
  completed: "green",
  failed: "red",
  timeout: "red",
  max_retries_exceeded: "red",
  dependency_failed: "red",
  cancelled: "yellow",
  retry_scheduled: "yellow",
  ttl_expired: "yellow",
};

const MAX_WIDTH = 40;

/** Prints events one after the other. */
export class EventLines {
  readonly #context: CommandContext;
  readonly #isLive: boolean;
  /** Of the position, the job, the type and the place; enough for most, so that few lines move. */
  readonly #widths = [6, 12, 12, 16];
  #count = 0;

  /** @param options `live`: events of now, each shown at once. */
  constructor(context: CommandContext, options: { readonly live?: boolean } = {}) {
    this.#context = context;
    this.#isLive = options.live ?? false;
  }

  /** How many were printed. */
  get count(): number {
    return this.#count;
  }

  /** Prints an event. */
  async print(event: StoredJobEvent): Promise<void> {
    const { out, format } = this.#context;
    if (format === "table") await out.line(this.#line(event));
    else if (this.#isArray) {
      await out.add(`${this.#count === 0 ? "[" : ","}\n  ${eventLine(event)}`);
    } else await out.line(eventLine(event));
    this.#count++;
    if (this.#isLive) await out.flush();
  }

  /** Prints what comes after the last event. */
  async end(): Promise<void> {
    if (this.#isArray) await this.#context.out.add(this.#count === 0 ? "[]\n" : "\n]\n");
  }

  /** What comes for ever is no array. */
  get #isArray(): boolean {
    return this.#context.format === "json" && !this.#isLive;
  }

  #line(event: StoredJobEvent): string {
    const { timestamp, natsSequence, jobId, eventType } = event;
    const time = this.#isLive ? timeOfDay(timestamp) : dateTime(timestamp);
    const cells = [
      `#${natsSequence}`,
      shown(jobId),
      eventType,
      shown(whereOf(event)),
    ].map((text, column) => this.#pad(column, text));
    const line = `${time}  ${cells.join("  ")}  `;
    const room = Math.max(this.#context.out.columns - line.length, 20);
    return (this.#paint(line, eventType, cells[2]!) + clip(describe(event), room)).trimEnd();
  }

  #paint(line: string, type: JobEventType, cell: string): string {
    const color = COLORS[type];
    return color === undefined ? line : line.replace(cell, () => this.#context.paint(color, cell));
  }

  #pad(column: number, text: string): string {
    const width = Math.max(this.#widths[column]!, Math.min(text.length, MAX_WIDTH));
    this.#widths[column] = width;
    return text.padEnd(width);
  }
}

/** The worker and the queue of an event, as far as it has them. */
export function whereOf({ workerId, queueName }: JobEvent): string {
  return [workerId, queueName].filter((each) => each !== undefined).join(" ");
}

/** What an event says, in one line: its message, and the error if it has one. */
export function describe({ message = "", errorType, errorMessage }: JobEvent): string {
  if (errorType === undefined && errorMessage === undefined) return shown(message);
  const error = [errorType, errorMessage?.split("\n")[0]].filter((each) => each).join(": ");
  return shown(message === "" ? error : `${message}: ${error}`);
}

/** The type of an event in its colour. */
export function paintType(context: CommandContext, type: JobEventType, width: number): string {
  const color = COLORS[type];
  const text = type.padEnd(width);
  return color === undefined ? text : context.paint(color, text);
}

/** The beginning of a text that is too long. */
export function clip(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(room - 1, 0))}…`;
}
