/** The schema as protobufjs uses it: with code that it makes for the type, once. */

import { readFileSync } from "node:fs";
import protobuf from "protobufjs";
import type { JobEvent } from "../../src/gen/types.ts";

const root = new protobuf.Root();
root.addJSON(protobuf.common.get("google/protobuf/struct.proto")!.nested!);
protobuf.parse(
  readFileSync(new URL("../../schema/job_event.proto", import.meta.url), "utf8"),
  root,
);
root.resolveAll();

/** `message JobEvent`, set up. */
export const protobufType: protobuf.Type = root.lookupType("JobEvent").setup();

const types = root.lookupEnum("JobEventType").values;

/** An event as its message: the type is a number there. */
export function protobufMessage(event: JobEvent): protobuf.Message {
  return protobufType.create({ ...event, eventType: types[event.eventType.toUpperCase()] });
}
