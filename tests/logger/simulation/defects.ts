/** Defects that the simulation must find when they are put into the logger. */

import type { Defect, Edit } from "./variant.ts";

function sender(from: string, to: string): Edit {
  return { file: "sender.ts", from, to };
}

function logger(from: string, to: string): Edit {
  return { file: "logger.ts", from, to };
}

function records(from: string, to: string): Edit {
  return { file: "records.ts", from, to };
}

function buffer(from: string, to: string): Edit {
  return { file: "event_buffer.ts", from, to };
}

/** What was wrong with the logger of the first design. */
export const ORIGINAL_DEFECTS: readonly Defect[] = [
  {
    name: "deadlocks at a full buffer: it waits for the flush that waits for it",
    edits: [
      sender("this.#isDue ? this.#run() : undefined;", "this.flush(this.#target, 1e9) as never;"),
      sender("if (!this.#running || this.#isDue) void", "if (!this.#running) void"),
    ],
    shows: /nothing is sent, although there are enough events/,
  },
  {
    name: "reorders on retry: what failed goes to the back",
    edits: [
      buffer("this.#head = (this.#head - 1) &", "const slot = (this.#head + this.#length) &"),
      buffer("this.#set(this.#head, ordinal,", "this.#set(slot, ordinal,"),
    ],
    shows: /of job-\d is stored after a later one/,
  },
  {
    name: "duplicates on retry: an event gets a new id with each try",
    edits: [records("this.idOf(ordinal), subject", "this.#ids.next(), subject")],
    shows: /is stored twice/,
  },
  {
    name: "loses events at stop: what is under way is forgotten",
    edits: [sender("const left = [...this.#inFlight];", "const left: BufferedEvent[] = [];")],
    shows: /stop\(\) loses events/,
  },
  {
    name: "loses events at stop: it does not wait until they are stored",
    edits: [logger(
      "await Promise.race([this.#sender.flush(",
      "void Promise.race([this.#sender.flush(",
    )],
    shows: /stop\(\) gives up early/,
  },
];

/** What the simulation found in the logger of this package; each was repaired. */
export const FOUND_DEFECTS: readonly Defect[] = [
  {
    name: "a flush is not settled by the end of stop()",
    edits: [sender("    this.noticeDropped(left);\n", "")],
    shows: /flush\(\) does not settle with stop\(\)/,
  },
  {
    name: "a part of a batch that failed waits for its interval, not for its retry",
    edits: [sender("this.#target = Math.max(this.#target, again.at(-1)?.ordinal ?? 0);", "")],
    shows: /nothing is sent, although an event is to be retried/,
  },
  {
    name: "a flush counts only the first of several events that are dropped at once",
    edits: [sender(
      "for (const event of events) this.#countDropped(event);\n    this.#settleWaiters();",
      "for (const event of events) {\n      this.#countDropped(event);\n" +
        "      this.#settleWaiters();\n    }",
    )],
    shows: /flush\(\) of \d+ events reports/,
  },
  {
    name: "a sink that gives too few outcomes fails without a word",
    edits: [sender("lastError = outcome?.error ?? NO_OUTCOME;", "lastError = outcome?.error;")],
    shows: /onError was called/,
  },
  {
    name: "older events are dropped although that makes no room",
    edits: [logger(`!== "drop_oldest" || isInVain)`, `!== "drop_oldest")`)],
    shows: /older events are dropped, and the new one does not fit/,
  },
  {
    name: "a buffer that is full of bytes loses events and sends nothing",
    edits: [logger("find room.\n    this.#sender.sendSoon(this.#lastOrdinal);", "find room.")],
    shows: /nothing is sent, although events are lost/,
  },
];

/** What a review found; each was repaired. */
export const REVIEWED_DEFECTS: readonly Defect[] = [
  {
    name: "a script ends although somebody waits with ready()",
    edits: [{ file: "room.ts", from: "keepAlive: true", to: "keepAlive: false" }],
    shows: /0 timers keep the script alive for 1 waits/,
  },
  {
    name: "ready() leaves its timer behind",
    edits: [{ file: "room.ts", from: "this.#letEnd?.();", to: "" }],
    shows: /timers keep the script alive/,
  },
  {
    name: "the buffer stays full for a large event that was given up",
    edits: [logger("    this.#wantedBytes = 0;\n", "")],
    shows: /isFull is true, with \d+ of \d+ bytes/,
  },
  {
    name: "an interval begins only when what is under way has come back",
    edits: [sender(
      "if (!this.#running && this.#hasBatch())",
      `if (this.#running) return;
    if (this.#hasBatch())`,
    )],
    shows: /nothing is sent, although an event waited for its interval/,
  },
];

/** Small mistakes that are easily made. */
export const FURTHER_DEFECTS: readonly Defect[] = [
  {
    name: "the bound in bytes is off by one",
    edits: [
      logger(
        "+ bytes <= this.#settings.maxBufferBytes",
        "+ bytes <= this.#settings.maxBufferBytes + 1",
      ),
    ],
    shows: /\d+ bytes are buffered/,
  },
  {
    name: "the bound in events is off by one",
    edits: [logger("this.#buffered < this.#settings", "this.#buffered <= this.#settings")],
    shows: /\d+ events are buffered/,
  },
  {
    name: "what is under way is not counted",
    edits: [logger("this.#buffered < this.#settings", "this.#buffer.length < this.#settings")],
    shows: /\d+ events are buffered/,
  },
  {
    name: "a flush does not join what runs",
    edits: [
      sender("if (!this.#running || this.#isDue) void", "if (!this.#inFlight[9]) void"),
    ],
    shows: /two appends are under way/,
  },
  {
    name: "a flush waits for what was logged later, too",
    edits: [sender("if (first > waiter.target)", "if (first === Infinity)")],
    shows: /nothing is sent, although flush\(\) waits/,
  },
  {
    name: "a flush leaves its timer behind",
    edits: [sender("const settle = () => {\n        cancel();", "const settle = () => {")],
    shows: /timers keep the script alive/,
  },
  {
    name: "several events go back to the front in the wrong order",
    edits: [sender("again.toReversed()", "[...again]")],
    shows: /is sent out of order/,
  },
  {
    name: "an answer that is missing counts as stored",
    edits: [
      sender(
        "default:\n",
        "default:\n          if (!outcome) return this.#noticeStored(event, false);\n",
      ),
    ],
    shows: /stats\(\)\.stored is/,
  },
  {
    name: "nobody is told of room",
    edits: [sender("if (again.length < batch.length) this.#options.onRoom();", "")],
    shows: /somebody waits although all is well/,
  },
  {
    name: "stop() leaves an append alone",
    edits: [sender("this.#abort.abort();", "")],
    shows: /stop\(\) leaves an append alone/,
  },
  {
    name: "what stays undelivered at stop() is not reported",
    edits: [logger(`this.#reports.drop(events, "stopped", (event) => event);`, "{}")],
    shows: /stop\(\) reports \d+ undelivered events/,
  },
  {
    name: "a rejected event is tried again",
    edits: [sender(
      `case "rejected":`,
      `case "rejected":\n          again.push(event);\n          break;\n` +
        `        case "never" as "rejected":`,
    )],
    shows: /is sent out of order/,
  },
  {
    name: "an event in a new chunk begins where the old one ended",
    edits: [buffer("if (writer.bytes !== bytes) this.#draftStart = 0;", "")],
    shows: /bytes that are no event|with other bytes/,
  },
];
