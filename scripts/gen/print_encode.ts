/** Prints `src/gen/encode.ts`: the encoder. */

import { encodedString, hasWords, hexOf, wordsOf } from "./encoded.ts";
import { localName } from "./names.ts";
import { Printer } from "./printer.ts";
import type { EventType, Field, Schema } from "./schema.ts";

const MAX_FIXMAP = 15;

/** Prints the file. */
export function printEncode(schema: Schema): string {
  const p = new Printer(schema, "Encodes events as MessagePack maps.");
  const payload = schema.fields.filter((field) => field.payload);
  printImports(p, payload);
  printWriteType(p, schema.types);
  p.doc(
    "",
    "Appends the encoded event to `out`. On an error nothing is appended.\n\n" +
      "@throws {TypeError} A field is missing, of the wrong type or out of bounds; the message\n" +
      "names it.",
  );
  p.line("export function writeJobEvent(out: ByteBuffer, event: JobEvent): void {");
  p.line("  checkJobEvent(event);");
  printMeasure(p, payload, schema.types);
  p.line("  out.reserve(bound);");
  p.line("  const { bytes, view } = out;");
  p.line("  let at = out.position;");
  printHeader(p, payload);
  for (const field of payload) printField(p, field);
  p.line("  out.position = at;");
  p.line("}");
  return p.toString();
}

function printImports(p: Printer, payload: readonly Field[]): void {
  const uses = (kind: Field["kind"]) => payload.some((field) => field.kind === kind);
  p.line(`import type { ByteBuffer } from "../event/byte_buffer.ts";`);
  if (uses("dynamic")) p.line(`import { packDynamic } from "../event/dynamic.ts";`);
  p.line("import {");
  if (uses("stringMap")) p.line("  measureStringMap,");
  p.line("  stringBound,");
  if (uses("double")) p.line("  writeDouble,");
  p.line("  writeString,");
  if (uses("stringMap")) p.line("  writeStringMap,");
  p.line(`} from "../event/msgpack_write.ts";`);
  p.line(`import type { JobEvent, JobEventType } from "./types.ts";`);
  p.line(`import { checkJobEvent } from "./validate.ts";`);
  p.line();
}

/** Prints the function that writes the value of an event type. */
function printWriteType(p: Printer, types: readonly EventType[]): void {
  p.line("function writeType(view: DataView, at: number, type: JobEventType): number {");
  p.line("  switch (type) {");
  for (const type of types) {
    const encoded = encodedString(type.value);
    p.line(`    case "${type.value}":`);
    for (const store of stores(encoded)) p.line(`      ${store}`);
    p.line(`      return at + ${encoded.length};`);
  }
  p.line("  }");
  p.line("}");
  p.line();
}

/** Stores of an encoded text. As integers with a sign: others are slow on some runtimes. */
function stores(encoded: readonly number[]): string[] {
  const at = (offset: number): string => offset === 0 ? "at" : `at + ${offset}`;
  if (!hasWords(encoded)) {
    return encoded.map((byte, offset) => `view.setUint8(${at(offset)}, ${hexOf(byte)});`);
  }
  return wordsOf(encoded).map(({ offset, hex }) => `view.setInt32(${at(offset)}, ${hex} | 0);`);
}

/** Counts the fields that are set, and the room that they need at the most. */
function printMeasure(
  p: Printer,
  payload: readonly Field[],
  types: readonly EventType[],
): void {
  const lengths = types.map((type) => encodedString(type.value).length);
  const fixed = payload.reduce((sum, field) => sum + encodedString(field.name).length + 9, 0) +
    Math.max(...lengths);
  const required = payload.filter((field) => field.required);
  p.line(`  let count = ${required.length};`);
  p.line(`  let bound = ${fixed};`);
  for (const field of payload) {
    const value = `event.${field.property}`;
    const local = localName(field.property);
    if (field.kind === "string" && field.required) {
      p.line(`  bound += stringBound(${value});`);
    } else if (field.kind === "string") {
      p.line(`  const ${local} = ${value};`);
      p.line(`  if (${local} != null) {`);
      p.line("    count++;");
      p.line(`    bound += stringBound(${local});`);
      p.line("  }");
    } else if (field.kind === "double" && !field.required) {
      p.line(`  const ${local} = ${value};`);
      p.line(`  if (${local} != null) count++;`);
    } else if (field.kind === "dynamic") {
      p.line(`  const ${local} = ${value} == null`);
      p.line("    ? undefined");
      p.line(`    : packDynamic(${value}, "${field.property}");`);
      p.line(`  if (${local} !== undefined) {`);
      p.line("    count++;");
      p.line(`    bound += ${local}.length;`);
      p.line("  }");
    } else if (field.kind === "stringMap") {
      p.line(`  const ${local} = ${value};`);
      p.line(`  let ${local}Count = 0;`);
      p.line(`  if (${local} != null) {`);
      p.line(`    const size = measureStringMap(${local}, "${field.property}");`);
      p.line(`    ${local}Count = size.count;`);
      p.line(`    if (size.count > 0) count++;`);
      p.line("    bound += size.bound;");
      p.line("  }");
    }
  }
}

function printHeader(p: Printer, payload: readonly Field[]): void {
  if (payload.length <= MAX_FIXMAP) {
    p.line("  bytes[at++] = 0x80 | count;");
    return;
  }
  p.line("  bytes[at++] = 0xde;");
  p.line("  bytes[at++] = count >>> 8;");
  p.line("  bytes[at++] = count;");
}

function printField(p: Printer, field: Field): void {
  const indent = field.required ? "  " : "    ";
  if (!field.required) {
    const local = localName(field.property);
    p.line(
      field.kind === "stringMap"
        ? `  if (${local}Count > 0) {`
        : field.kind === "dynamic"
        ? `  if (${local} !== undefined) {`
        : `  if (${local} != null) {`,
    );
  }
  p.line(`${indent}// ${field.name}`);
  const key = encodedString(field.name);
  for (const store of stores(key)) p.line(indent + store);
  p.line(`${indent}at += ${key.length};`);
  for (const store of valueStores(field)) p.line(indent + store);
  if (!field.required) p.line("  }");
}

function valueStores(field: Field): string[] {
  const value = field.required ? `event.${field.property}` : localName(field.property);
  switch (field.kind) {
    case "type":
      return [`at = writeType(view, at, ${value});`];
    case "string":
      return [`at = writeString(out, at, ${value});`];
    case "double":
    case "integer":
      return [`at = writeDouble(out, at, ${value});`];
    case "dynamic":
      return [`bytes.set(${value}, at);`, `at += ${value}.length;`];
    case "stringMap":
      return [`at = writeStringMap(out, at, ${value}!, ${value}Count);`];
  }
}
