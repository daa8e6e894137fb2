/**
 * What does it cost to decode a typical `completed` event?
 *
 * Method: 64 different events, decoded in turn. The peer, msgpackr, gives a plain object with the
 * wire's keys: it is spared the renaming and the checks. Where its native addon is installed, it
 * uses it for strings.
 */

import { Unpackr } from "msgpackr";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { completedEvents, SAMPLES } from "./samples.ts";
import { bench, timed } from "./timing.ts";

const payloads = completedEvents().map(encodeJobEvent);
const unpackr = new Unpackr({ useRecords: false });
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
