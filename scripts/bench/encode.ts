/**
 * What does it cost to encode a typical `completed` event?
 *
 * Method: 64 different events, encoded in turn. "into a buffer" is what the logger does: events go
 * one behind the other into one growing buffer, which begins anew after a thousand. The others make
 * an array of bytes for each event. The peers are spared the renaming and the checks: msgpackr
 * without records, @msgpack/msgpack and JSON get plain objects that have the wire's keys already,
 * protobufjs gets messages of the same schema, made beforehand. Every contender has a loop of its
 * own, so that none is slowed by what another one has seen.
 */

import { Encoder } from "@msgpack/msgpack";
import { Packr } from "msgpackr";
import { ByteBuffer } from "../../src/event/byte_buffer.ts";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { writeJobEvent } from "../../src/gen/encode.ts";
import { protobufMessage, protobufType } from "./protobuf.ts";
import { completedEvents, SAMPLES, wireObject } from "./samples.ts";
import { bench, timed } from "./timing.ts";

const events = completedEvents();
const objects = events.map(wireObject);
const messages = events.map(protobufMessage);
const buffer = new ByteBuffer();
const packr = new Packr({ useRecords: false });
const msgpack = new Encoder();
const utf8 = new TextEncoder();
const size = Math.round(events.reduce((sum, x) => sum + encodeJobEvent(x).length, 0) / SAMPLES);

await bench({
  title: `Encode a completed event of ${size} bytes`,
  contenders: [
    {
      name: "writeJobEvent into a buffer",
      round: timed((count) => {
        for (let index = 0; index < count; index++) {
          if (index % 1000 === 0) buffer.position = 0;
          writeJobEvent(buffer, events[index % SAMPLES]!);
        }
        return buffer.position;
      }),
    },
    {
      name: "encodeJobEvent",
      round: timed((count) => {
        let bytes = 0;
        for (let index = 0; index < count; index++) {
          bytes += encodeJobEvent(events[index % SAMPLES]!).length;
        }
        return bytes;
      }),
    },
    {
      name: "@msgpack/msgpack Encoder.encode",
      round: timed((count) => {
        let bytes = 0;
        for (let index = 0; index < count; index++) {
          bytes += msgpack.encode(objects[index % SAMPLES]!).length;
        }
        return bytes;
      }),
    },
    {
      name: "protobufjs encode().finish()",
      round: timed((count) => {
        let bytes = 0;
        for (let index = 0; index < count; index++) {
          bytes += protobufType.encode(messages[index % SAMPLES]!).finish().length;
        }
        return bytes;
      }),
    },
    {
      name: "JSON.stringify and TextEncoder",
      round: timed((count) => {
        let bytes = 0;
        for (let index = 0; index < count; index++) {
          bytes += utf8.encode(JSON.stringify(objects[index % SAMPLES]!)).length;
        }
        return bytes;
      }),
    },
    {
      name: "msgpackr Packr.pack",
      round: timed((count) => {
        let bytes = 0;
        for (let index = 0; index < count; index++) {
          bytes += packr.pack(objects[index % SAMPLES]!).length;
        }
        return bytes;
      }),
    },
  ],
});
