/** Reads server-sent events. */

import assert from "node:assert/strict";
import { within } from "../helpers.ts";

/** One event. */
export interface Message {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

/** The events of one response. */
export interface Messages {
  /** The last one that was read. */
  readonly last: Message | undefined;
  /** The next one; fails when none comes. */
  next(): Promise<Message>;
  /** Goes away, as a page that is closed. */
  close(): Promise<void>;
}

/** Begins to read. */
export function openMessages(response: Response): Messages {
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const waiting: Message[] = [];
  let text = "";
  let last: Message | undefined;
  return {
    get last() {
      return last;
    },
    async next() {
      while (waiting.length === 0) {
        const { done, value } = await within(reader.read(), 20_000);
        assert.ok(!done, "The stream ended");
        text += decoder.decode(value, { stream: true });
        const blocks = text.split("\n\n");
        text = blocks.pop()!;
        waiting.push(
          ...blocks.filter((block) => block.startsWith("id:") || block.startsWith("event:")).map(
            parse,
          ),
        );
      }
      return last = waiting.shift()!;
    },
    close: () => reader.cancel(),
  };
}

function parse(block: string): Message {
  const fields = new Map(
    block.split("\n").map((line) => {
      const at = line.indexOf(": ");
      return [line.slice(0, at), line.slice(at + 2)];
    }),
  );
  const data: unknown = JSON.parse(fields.get("data") ?? "null");
  return { event: fields.get("event") ?? "message", id: fields.get("id"), data };
}
