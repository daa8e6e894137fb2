/** Prints `src/gen/decode.ts`: the decoder. */

import { encodedString, hasWords, wordsOf } from "./encoded.ts";
import { localName } from "./names.ts";
import { Printer } from "./printer.ts";
import type { Field, Schema } from "./schema.ts";

const READERS = {
  string: "string()",
  double: "number()",
  integer: "number()",
  type: `oneOf(EVENT_TYPES, "a known event type")`,
  stringMap: "stringMap()",
  dynamic: "dynamicMap()",
} as const;

/** Prints the file. */
export function printDecode(schema: Schema): string {
  const p = new Printer(schema, "Decodes events from MessagePack maps.");
  const payload = schema.fields.filter((field) => field.payload);
  const stored = schema.fields.filter((field) => !field.payload);
  p.line(`import { ByteTable } from "../event/byte_table.ts";`);
  p.line(`import { MsgpackReader } from "../event/msgpack_read.ts";`);
  p.line("import {");
  p.line("  JOB_EVENT_TYPES,");
  p.line("  type JobEvent,");
  p.line("  type JobEventType,");
  p.line("  type StoredJobEvent,");
  p.line(`} from "./types.ts";`);
  p.line();
  p.line("type Draft = { -readonly [Key in keyof JobEvent]: JobEvent[Key] };");
  p.line("type StoredDraft = { -readonly [Key in keyof StoredJobEvent]: StoredJobEvent[Key] };");
  p.line();
  printFind(p, "typeAt", "event type", schema.types.map((type) => type.value));
  printFind(p, "keyAt", "key", payload.map((field) => field.name));
  p.line("const EVENT_TYPES: ByteTable<JobEventType> = new ByteTable(JOB_EVENT_TYPES, typeAt);");
  p.line();
  p.line("const KEYS: ByteTable<string> = new ByteTable([");
  for (const field of payload) p.line(`  "${field.name}",`);
  p.line("], keyAt);");
  p.line();
  printDecodeJobEvent(p, schema, payload);
  p.line();
  printDecodeStoredJobEvent(p, stored);
  return p.toString();
}

/**
 * Prints a function that finds texts in encoded form by their words, of which the first has the
 * length in it. Texts that need more than the shortest header are left to the caller, as are those
 * that lie so near to the end that a longer one would not fit.
 */
function printFind(p: Printer, name: string, what: string, texts: readonly string[]): void {
  const byFirstWord = new Map<string, string[]>();
  let longest = 0;
  texts.forEach((text, index) => {
    const encoded = encodedString(text);
    if (!hasWords(encoded) || encoded.length > 32) return;
    longest = Math.max(longest, encoded.length);
    const [first, ...others] = wordsOf(encoded).map(({ offset, hex }) =>
      `view.getUint32(at${offset === 0 ? "" : ` + ${offset}`}) === ${hex}`
    );
    const word = first!.split(" ").at(-1)!;
    const test = others.length === 0 ? "true" : others.join(" && ");
    byFirstWord.set(word, [
      ...byFirstWord.get(word) ?? [],
      `if (${test}) return ${index}; // ${text}`,
    ]);
  });
  p.line(`/** The index of the ${what} at a position, in its usual form, else -1. */`);
  p.line(`function ${name}(view: DataView, at: number, end: number): number {`);
  p.line(`  if (at + ${longest} > end) return -1;`);
  p.line("  switch (view.getUint32(at)) {");
  for (const [word, lines] of byFirstWord) {
    p.line(`    case ${word}:`);
    for (const line of lines) p.line(`      ${line}`);
    p.line("      break;");
  }
  p.line("  }");
  p.line("  return -1;");
  p.line("}");
  p.line();
}

function printDecodeJobEvent(p: Printer, schema: Schema, payload: readonly Field[]): void {
  p.doc(
    "",
    [
      "Decodes an event. Keys may come in any order; absent and nil fields are left out; keys that",
      "the schema does not know are passed over; integers are taken for floats.",
      "",
      "@param bytes One encoded event and nothing else.",
      "@throws {JobEventError} `ERR_DECODE`: the bytes are not an event; the message names the",
      "field and the offset.",
      "",
      "@example",
      "```ts",
      `import { decodeJobEvent, encodeJobEvent, JobEvent } from "@naq/events";`,
      `import assert from "node:assert/strict";`,
      "",
      `const event = JobEvent.create({ jobId: "job-1", eventType: "${schema.types[0]!.value}" });`,
      "assert.deepEqual(decodeJobEvent(encodeJobEvent(event)), event);",
      "```",
    ].join("\n"),
  );
  p.line("export function decodeJobEvent(bytes: Uint8Array): JobEvent {");
  p.line("  const reader: MsgpackReader = new MsgpackReader(bytes);");
  for (const field of payload) p.line(`  let ${localName(field.property)}: ${localType(field)};`);
  p.line("  for (let left = reader.mapHeader(); left > 0; left--) {");
  p.line("    const index = reader.key(KEYS);");
  p.line("    if (reader.nil()) continue;");
  p.line("    switch (index) {");
  payload.forEach((field, index) => {
    p.line(`      case ${index}: // ${field.name}`);
    p.line(`        ${localName(field.property)} = reader.${READERS[field.kind]};`);
    p.line("        break;");
  });
  p.line("      default:");
  p.line("        reader.skip();");
  p.line("    }");
  p.line("  }");
  p.line(`  reader.field = "";`);
  p.line("  reader.end();");
  printResult(p, payload);
  p.line("}");
}

function printDecodeStoredJobEvent(p: Printer, stored: readonly Field[]): void {
  p.doc(
    "",
    "Decodes an event and adds what the storage knows of it.\n\n" +
      "@throws {JobEventError} `ERR_DECODE`, see {@linkcode decodeJobEvent}.",
  );
  p.line("export function decodeStoredJobEvent(");
  p.line("  bytes: Uint8Array,");
  const always = stored.filter((field) => !field.header);
  const headers = stored.filter((field) => field.header);
  for (const { property } of always) p.line(`  ${property}: StoredJobEvent["${property}"],`);
  for (const { property } of headers) p.line(`  ${property}?: StoredJobEvent["${property}"],`);
  p.line("): StoredJobEvent {");
  p.line("  const event = decodeJobEvent(bytes) as StoredDraft;");
  for (const { property } of always) p.line(`  event.${property} = ${property};`);
  for (const { property } of headers) {
    p.line(`  if (${property} !== undefined) event.${property} = ${property};`);
  }
  p.line("  return event;");
  p.line("}");
}

function localType(field: Field): string {
  return `JobEvent["${field.property}"] | undefined`;
}

function printResult(p: Printer, payload: readonly Field[]): void {
  for (const field of payload.filter((field) => field.required)) {
    const local = localName(field.property);
    const missing = `${local} === undefined${field.token ? ` || ${local} === ""` : ""}`;
    p.line(`  if (${missing}) {`);
    p.line(`    reader.field = "${field.name}";`);
    p.line(`    reader.fail("it is missing${field.token ? " or empty" : ""}");`);
    p.line("  }");
  }
  const names = payload.filter((field) => field.required).map((field) => field.property);
  p.line(`  const event: Draft = { ${names.join(", ")} };`);
  for (const field of payload.filter((field) => !field.required)) {
    const local = localName(field.property);
    const isMap = field.kind === "stringMap" || field.kind === "dynamic";
    const isSet = `${local} !== undefined${isMap ? ` && hasMembers(${local})` : ""}`;
    p.line(`  if (${isSet}) event.${field.property} = ${local};`);
  }
  p.line("  return event;");
  if (payload.some((field) => field.kind === "stringMap" || field.kind === "dynamic")) {
    p.line("}");
    p.line();
    p.line("function hasMembers(map: object): boolean {");
    p.line("  for (const _ in map) return true;");
    p.line("  return false;");
  }
}
