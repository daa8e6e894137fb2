/** Prints `src/gen/subjects.ts`: the subject of an event, and back. */

import { Printer } from "./printer.ts";
import type { Schema, SubjectForm } from "./schema.ts";

/** Prints the file. */
export function printSubjects(schema: Schema): string {
  const p = new Printer(schema, "The subject of an event, and what a subject says.");
  const withId = schema.subjects.filter((form) => form.field ?? form.detail);
  const usesDetails = withId.some((form) =>
    form.detail !== undefined && typesOf(schema, form).length
  );
  p.line(
    `import { ${
      usesDetails ? "detailToken, " : ""
    }refuseField, writeToken } from "../event/check.ts";`,
  );
  p.line(`import { writeText } from "../event/text.ts";`);
  p.line(`import { decodeSubjectToken } from "../event/token.ts";`);
  p.line(`import { isJobEventType, type JobEvent, type JobEventType } from "./types.ts";`);
  p.line();
  p.doc("", "The word between the job and the type of a subject.");
  const names = schema.subjects.map((form) => `\n  | "${form.name}"`);
  p.line(`export type JobEventContext =${names.join("") || " never"};`);
  p.line();
  p.doc("", "What a subject says, with the ids as they were before they were encoded.");
  p.line("export interface ParsedSubject {");
  p.doc("  ", "The id of the job.");
  p.line("  readonly jobId: string;");
  p.doc("  ", "The form of the subject; absent for the bare form.");
  p.line("  readonly context?: JobEventContext;");
  p.doc("  ", "The worker, queue, retry or schedule; absent for forms without an id.");
  p.line("  readonly contextId?: string;");
  p.doc("  ", "The type of the event.");
  p.line("  readonly eventType: JobEventType;");
  p.line("}");
  p.line();
  printFields(p, schema);
  printWrite(p, schema);
  printParse(p, schema);
  return p.toString();
}

function typesOf(schema: Schema, form: SubjectForm): string[] {
  return schema.types.filter((type) => type.context === form.name).map((type) => type.value);
}

function printFields(p: Printer, schema: Schema): void {
  const forms = schema.subjects.filter((form) => form.field !== undefined);
  const properties = forms.map(({ field }) => `"${field!.property}"`).join(" | ") || "never";
  p.doc(
    "",
    "The forms whose id is a field, in order of precedence: an event takes the first it can.",
  );
  p.line("export const SUBJECT_FIELDS: readonly {");
  p.line("  readonly name: JobEventContext;");
  p.line(`  readonly property: ${properties};`);
  p.line("}[] = [");
  for (const { name, field } of forms) {
    p.line(`  { name: "${name}", property: "${field!.property}" },`);
  }
  p.line("];");
  p.line();
}

function printWrite(p: Printer, schema: Schema): void {
  const longest = (texts: readonly string[]): number =>
    Math.max(0, ...texts.map((text) => text.length));
  const words = longest(schema.subjects.map(({ name }) => `..${name}.`)) +
    longest(schema.types.map(({ value }) => value));
  p.doc("", "What a subject takes at the most beside its prefix and two tokens, in bytes.");
  p.line(`export const SUBJECT_WORDS_BYTES = ${words};`);
  p.line();
  p.doc(
    "",
    "Writes the subject under which an event is stored. There must be room.\n\n" +
      "@param prefix The bytes before the job, with the dot.\n" +
      "@returns The position after it.\n" +
      "@throws {TypeError} An id of the event cannot be a token; the message names the field.",
  );
  p.line("export function writeSubject(");
  p.line("  bytes: Uint8Array,");
  p.line("  position: number,");
  p.line("  prefix: Uint8Array,");
  p.line("  event: JobEvent,");
  p.line("): number {");
  p.line("  bytes.set(prefix, position);");
  p.line(`  let at = writeToken(bytes, position + prefix.length, "jobId", event.jobId);`);
  p.line("  const type = event.eventType;");
  p.line("  // Anything else could be a wildcard, or several tokens.");
  p.line(`  if (!isJobEventType(type)) refuseField("eventType", "an event type", type);`);
  const fields = schema.subjects.filter(({ field }) => field !== undefined);
  for (const [index, { name, field }] of fields.entries()) {
    const value = `event.${field!.property}`;
    p.line(`  ${index === 0 ? "" : "} else "}if (${value} != null) {`);
    p.line(`    at = writeText(bytes, at, ".${name}.");`);
    p.line(`    at = writeToken(bytes, at, "${field!.property}", ${value});`);
  }
  if (fields.length > 0) p.line("  } else {");
  p.line(`  ${fields.length > 0 ? "  " : ""}at = writeContext(bytes, at, event);`);
  if (fields.length > 0) p.line("  }");
  p.line(`  at = writeText(bytes, at, ".");`);
  p.line("  return writeText(bytes, at, type);");
  p.line("}");
  p.line();
  printWriteContext(p, schema);
}

/** Prints the function that writes the context of the event's type. */
function printWriteContext(p: Printer, schema: Schema): void {
  p.line("function writeContext(bytes: Uint8Array, at: number, event: JobEvent): number {");
  p.line("  switch (event.eventType) {");
  for (const form of schema.subjects) {
    const types = typesOf(schema, form);
    if (form.field !== undefined || types.length === 0) continue;
    for (const type of types.slice(0, -1)) p.line(`    case "${type}":`);
    p.line(`    case "${types.at(-1)}":${form.detail === undefined ? "" : " {"}`);
    if (form.detail === undefined) {
      p.line(`      return writeText(bytes, at, ".${form.name}");`);
    } else {
      p.line(`      const id = detailToken(event.details?.["${form.detail}"]);`);
      p.line("      if (id === undefined) break;");
      p.line(`      return writeText(bytes, writeText(bytes, at, ".${form.name}."), id);`);
      p.line("    }");
    }
  }
  p.line("  }");
  p.line("  return at;");
  p.line("}");
  p.line();
}

function printParse(p: Printer, schema: Schema): void {
  const plain = schema.subjects.filter((form) => !(form.field ?? form.detail));
  const withId = schema.subjects.filter((form) => form.field ?? form.detail);
  printGuard(p, "isPlainContext", "a form without an id", plain);
  printGuard(p, "isContextWithId", "a form with an id", withId);
  p.doc(
    "",
    "Takes a subject apart. Gives `undefined` for one that is not of the grammar under this\n" +
      "prefix.",
  );
  p.line(
    "export function parseSubject(prefix: string, subject: string): ParsedSubject | undefined {",
  );
  p.line('  if (!subject.startsWith(prefix) || subject[prefix.length] !== ".") return undefined;');
  p.line("  const start = prefix.length + 1;");
  p.line(`  const jobEnd = subject.indexOf(".", start);`);
  p.line(`  const typeStart = subject.lastIndexOf(".") + 1;`);
  p.line("  const job = subject.slice(start, jobEnd);");
  p.line("  const eventType = subject.slice(typeStart);");
  p.line(`  if (jobEnd < 0 || job === "global" || !isJobEventType(eventType)) return undefined;`);
  p.line("  try {");
  p.line("    const jobId = decodeSubjectToken(job);");
  p.line("    if (jobEnd + 1 === typeStart) return { jobId, eventType };");
  p.line(
    `    const [context, id, ...others] = subject.slice(jobEnd + 1, typeStart - 1).split(".");`,
  );
  p.line(
    "    if (id === undefined && isPlainContext(context)) return { jobId, context, eventType };",
  );
  p.line("    if (id !== undefined && others.length === 0 && isContextWithId(context)) {");
  p.line("      return { jobId, context, contextId: decodeSubjectToken(id), eventType };");
  p.line("    }");
  p.line("  } catch {");
  p.line("    // A token that is not well-formed: somebody else's message.");
  p.line("  }");
  p.line("  return undefined;");
  p.line("}");
}

function printGuard(
  p: Printer,
  name: string,
  what: string,
  forms: readonly SubjectForm[],
): void {
  const names = forms.map((form) => `"${form.name}"`);
  p.line(`/** Whether a token names ${what}. */`);
  p.line(`function ${name}(token: string | undefined): token is ${names.join(" | ") || "never"} {`);
  p.line(`  return ${names.map((form) => `token === ${form}`).join(" || ") || "false"};`);
  p.line("}");
  p.line();
}
