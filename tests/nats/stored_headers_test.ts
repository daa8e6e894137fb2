import { connect } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import type { NatsConnectionLike, NatsMessageLike } from "../../src/nats/connection.ts";
import { MessageHeaders } from "../../src/nats/headers.ts";
import { headerBlock, MSG_ID, storedHeaders, TRACEPARENT } from "../../src/nats/stored_headers.ts";
import { seededRandom, testSeed, within } from "../helpers.ts";
import { TIMEOUT_MS } from "./accounts.ts";

const skip = natsSkipReason();
const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** Messages with these headers, as the client of NATS gives them to a subscription. */
async function received(blocks: readonly string[]): Promise<NatsMessageLike[]> {
  await using server = await startNatsServer();
  const connection: NatsConnectionLike = await connect({ servers: server.url });
  try {
    const messages: NatsMessageLike[] = [];
    const all = new Promise<void>((resolve) => {
      connection.subscribe("headers", {
        callback: (_, message) => {
          if (messages.push(message) === blocks.length) resolve();
        },
      });
    });
    for (const block of blocks) {
      const headers = new MessageHeaders();
      // Other programs write what they like.
      headers.encode = () => new TextEncoder().encode(block);
      connection.publish("headers", new TextEncoder().encode("payload"), { headers });
    }
    await within(all);
    return messages;
  } finally {
    await connection.close();
  }
}

function randomBlock(random: (limit: number) => number): string {
  const names = [MSG_ID, TRACEPARENT, "nats-msg-id", `${MSG_ID}s`, "Nats-Expected-Stream", "T"];
  const values = ["id-1", "", "  id 2\t", "a:b", "größer €", TRACE, "Nats-Msg-Id: x"];
  const lines = Array.from({ length: random(6) }, () => {
    const name = names[random(names.length)]!;
    const separator = [": ", ":", ":  "][random(3)]!;
    return `${name}${separator}${values[random(values.length)]!}\r\n`;
  });
  return `NATS/1.0${["", " 100 Idle Heartbeat"][random(2)]!}\r\n${lines.join("")}\r\n`;
}

describe("storedHeaders()", { skip, timeout: TIMEOUT_MS }, () => {
  it("says what the client's headers say, whatever these are", async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const blocks = Array.from({ length: 500 }, () => randomBlock(random));
    const messages = await received(blocks);
    for (const [index, message] of messages.entries()) {
      const context = `seed ${seed}: ${JSON.stringify(blocks[index])}`;
      // It is no short cut where it never sees the bytes.
      assert.ok(headerBlock(message), context);
      const { headers } = message;
      const expected = {
        eventId: headers?.get(MSG_ID) ?? "",
        traceparent: headers?.get(TRACEPARENT) ?? "",
      };
      assert.deepEqual(storedHeaders(message), expected, context);
    }
  });

  it("asks the headers themselves where a client keeps no bytes", () => {
    const headers = new MessageHeaders();
    headers.set(MSG_ID, "id-1");
    const message = { subject: "s", data: new Uint8Array(), headers };
    assert.deepEqual(storedHeaders(message), { eventId: "id-1", traceparent: "" });
    assert.deepEqual(storedHeaders({ subject: "s", data: new Uint8Array() }), {
      eventId: "",
      traceparent: "",
    });
  });
});
