/**
 * What does it cost to decode a typical `completed` event?
 *
 * Method: 64 different events, decoded in turn. msgpackr, @msgpack/msgpack and JSON give a plain
 * object with the wire's keys, protobufjs a message of the same schema: all are spared the renaming
 * and the checks. Where msgpackr's native addon is installed, it uses it for strings. Every
 * contender has a loop of its own, so that none is slowed by what another one has seen.
 */

import { Decoder } from "@msgpack/msgpack";
import { Unpackr } from "msgpackr";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { protobufMessage, protobufType } from "./protobuf.ts";
import { completedEvents, SAMPLES, wireObject } from "./samples.ts";
import { bench, timed } from "./timing.ts";

interface Decoded {
  readonly timestamp: number;
}

const events = completedEvents();
const payloads = events.map(encodeJobEvent);
const unpackr = new Unpackr({ useRecords: false });
const msgpack = new Decoder();
const messages = events.map((event) => protobufType.encode(protobufMessage(event)).finish());
const utf8 = new TextDecoder();
const texts = events.map((event) => new TextEncoder().encode(JSON.stringify(wireObject(event))));
const size = Math.round(payloads.reduce((sum, bytes) => sum + bytes.length, 0) / SAMPLES);

await bench({
  title: `Decode a completed event of ${size} bytes`,
  contenders: [
    {
      name: "decodeJobEvent",
      round: timed((count) => {
        let sum = 0;
        for (let index = 0; index < count; index++) {
          sum += decodeJobEvent(payloads[index % SAMPLES]!).timestamp;
        }
        return sum;
      }),
    },
    {
      name: "@msgpack/msgpack Decoder.decode",
      round: timed((count) => {
        let sum = 0;
        for (let index = 0; index < count; index++) {
          sum += (msgpack.decode(payloads[index % SAMPLES]!) as Decoded).timestamp;
        }
        return sum;
      }),
    },
    {
      name: "protobufjs decode()",
      round: timed((count) => {
        let sum = 0;
        for (let index = 0; index < count; index++) {
          sum += (protobufType.decode(messages[index % SAMPLES]!) as unknown as Decoded).timestamp;
        }
        return sum;
      }),
    },
    {
      name: "TextDecoder and JSON.parse",
      round: timed((count) => {
        let sum = 0;
        for (let index = 0; index < count; index++) {
          sum += (JSON.parse(utf8.decode(texts[index % SAMPLES]!)) as Decoded).timestamp;
        }
        return sum;
      }),
    },
    {
      name: "msgpackr Unpackr.unpack",
      round: timed((count) => {
        let sum = 0;
        for (let index = 0; index < count; index++) {
          sum += unpackr.unpack(payloads[index % SAMPLES]!).timestamp;
        }
        return sum;
      }),
    },
  ],
});
