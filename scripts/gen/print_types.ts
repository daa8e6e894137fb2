/** Prints `src/gen/types.ts`: the event's shape and the event types. */

import { Printer } from "./printer.ts";
import type { Field, Schema } from "./schema.ts";

/** The TypeScript type of each kind of field. */
export const TS_TYPES = {
  string: "string",
  double: "number",
  integer: "number",
  type: "JobEventType",
  stringMap: "Readonly<Record<string, string>>",
  dynamic: "Readonly<Record<string, JobEventValue | undefined>>",
} as const;

/** Prints the file. */
export function printTypes(schema: Schema): string {
  const p = new Printer(schema, "The event's shape and the event types.");
  const payload = schema.fields.filter((field) => field.payload);
  const extras = payload.filter((field) => !field.required);
  p.line(`import type { JobEventValue } from "../event/dynamic.ts";`);
  p.line(`import type { JobEvent } from "./factories.ts";`);
  p.line();
  p.line("// The type and the factories are one name, so they are declared in one place.");
  p.line(`export type { JobEvent } from "./factories.ts";`);
  p.line();
  printTypeNames(p, schema);
  p.doc("", "What `JobEvent.create` takes. `timestamp` is filled where it is absent.");
  printInterface(
    p,
    "export interface JobEventInit {",
    payload,
    (field) => field.required && field.kind !== "double",
  );
  p.doc(
    "",
    "What every factory takes beside its own arguments. A positional argument wins over an\n" +
      "extra of the same name; `message` replaces the generated one; `details` are merged over\n" +
      "the generated ones.",
  );
  printInterface(
    p,
    "export interface JobEventExtras {",
    [...payload.filter((field) => field.required && field.kind === "double"), ...extras],
    () => false,
  );
  p.doc("", "An event as a storage gives it back.");
  printInterface(
    p,
    "export interface StoredJobEvent extends JobEvent {",
    schema.fields.filter((field) => !field.payload),
    (field) => !field.header,
  );
  return p.toString().trimEnd() + "\n";
}

function printTypeNames(p: Printer, schema: Schema): void {
  p.doc("", `${schema.typeDoc}\n\nFrom enum JobEventType.`);
  p.line("export type JobEventType =");
  schema.types.forEach((type, index) => {
    p.line(`  | "${type.value}"${index === schema.types.length - 1 ? ";" : ""}`);
  });
  p.line();
  p.doc("", "The event types by name.");
  p.line("export const JobEventType: {");
  for (const type of schema.types) {
    p.doc("  ", type.doc);
    p.line(`  readonly ${type.key}: "${type.value}";`);
  }
  p.line("} = {");
  for (const type of schema.types) p.line(`  ${type.key}: "${type.value}",`);
  p.line("};");
  p.line();
  p.doc("", "Every event type, in the schema's order.");
  p.line("export const JOB_EVENT_TYPES: readonly JobEventType[] = [");
  for (const type of schema.types) p.line(`  "${type.value}",`);
  p.line("];");
  p.line();
  p.doc("", "Whether a value is an event type.");
  p.line("export function isJobEventType(value: unknown): value is JobEventType {");
  p.line("  switch (value) {");
  for (const type of schema.types) p.line(`    case "${type.value}":`);
  p.line("      return true;");
  p.line("    default:");
  p.line("      return false;");
  p.line("  }");
  p.line("}");
  p.line();
}

/** Prints an interface with a property for each field. */
export function printInterface(
  p: Printer,
  head: string,
  fields: readonly Field[],
  isRequired: (field: Field) => boolean,
): void {
  p.line(head);
  for (const field of fields) {
    p.doc("  ", field.doc);
    const mark = isRequired(field) ? "" : "?";
    p.line(`  readonly ${field.property}${mark}: ${TS_TYPES[field.kind]};`);
  }
  p.line("}");
  p.line();
}
