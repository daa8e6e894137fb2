/** Tiny schemas to drive the generator with. */

import { readFileSync } from "node:fs";
import { generate } from "../../scripts/gen/generate.ts";

const OPTIONS = {
  name: "options.proto",
  text: readFileSync(new URL("../../schema/naq/options.proto", import.meta.url), "utf8"),
};

/** The smallest schema that has a bit of everything. The tests edit it. */
export const TINY = `syntax = "proto3";

package naq.events;

import "google/protobuf/struct.proto";
import "naq/options.proto";

// An event.
message JobEvent {
  option (naq.subject) = { name: "worker", field: "worker_id" };
  option (naq.subject) = { name: "lifecycle" };
  option (naq.subject) = { name: "retry", detail: "retry_count" };

  // The job.
  string job_id = 1 [(naq.required) = true, (naq.token) = true];

  // The type.
  JobEventType event_type = 2 [(naq.required) = true];

  // The time.
  double timestamp = 3 [(naq.required) = true, (naq.unit) = "s", (naq.max) = 1e11, (naq.max_hint) = "ms"];

  // The worker.
  string worker_id = 4 [(naq.token) = true];

  // The text.
  string message = 5;

  // The details.
  google.protobuf.Struct details = 6;

  // The labels.
  map<string, string> tags = 7;

  // The error's class.
  string error_type = 8;

  // The error's message.
  string error_message = 9;

  // The sequence.
  uint64 nats_sequence = 10 [(naq.payload) = false];
}

// A type.
enum JobEventType {
  // None.
  UNSPECIFIED = 0;

  // It began.
  STARTED = 1 [(naq.event) = { takes: "worker_id", message: "On {worker_id}", context: "worker" }];

  // It failed.
  FAILED = 2 [(naq.event) = { takes: "error, details.retry_count: number = 0", message: "Retry {retry_count}", context: "retry" }];

  // It was called off.
  CANCELLED = 3 [(naq.event) = { takes: "details.reason?: string", message: "Cancelled", context: "lifecycle" }];
}
`;

/** Generates from a schema. */
export function generated(text: string): Map<string, string> {
  return generate({ name: "tiny.proto", text }, OPTIONS);
}

/** Replaces what stands exactly once in a text. */
export function edit(text: string, from: string, to: string): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${parts.length - 1} times in the schema: ${from}`);
  return parts.join(to);
}

/** The number of the only line that contains `part`, from 1. */
export function lineOf(text: string, part: string): number {
  const numbers = text.split("\n").flatMap((line, index) => line.includes(part) ? [index + 1] : []);
  if (numbers.length !== 1) throw new Error(`${numbers.length} lines of the schema have: ${part}`);
  return numbers[0]!;
}

/** The example of a new field, `tenant`, and that of a new event type, `job_postponed`. */
const [FIELD = "", EVENT = ""] = [
  ...readFileSync(new URL("../../docs/schema.md", import.meta.url), "utf8")
    .matchAll(/```proto\n([^]*?)```/g),
].map(([, lines]) => lines!.replace(/^(?=.)/gm, "  "));

/** The project's schema with both of them at their places. */
export function evolved(schema: string): string {
  return schema.replace(/\n\}(?=[^}]*\benum )/, `\n\n${FIELD}}`).replace(/\}\n$/, `\n${EVENT}}\n`);
}
