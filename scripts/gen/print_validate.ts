/** Prints `src/gen/validate.ts`: the checks of each field. */

import { Printer } from "./printer.ts";
import type { Field, Schema } from "./schema.ts";

/** Prints the file. */
export function printValidate(schema: Schema): string {
  const p = new Printer(schema, "The checks of an event's fields.");
  const payload = schema.fields.filter((field) => field.payload);
  const uses = (kind: Field["kind"]) => payload.some((field) => field.kind === kind);
  p.line(`import { fieldToken, refuseField } from "../event/check.ts";`);
  if (uses("dynamic")) p.line(`import { packDynamic } from "../event/dynamic.ts";`);
  if (uses("stringMap")) p.line(`import { measureStringMap } from "../event/msgpack_write.ts";`);
  p.line(`import { isJobEventType, JOB_EVENT_TYPES, type JobEvent } from "./types.ts";`);
  p.line();
  p.doc("", "The keys that an event may have: those of the payload and those that a storage adds.");
  p.line("export const JOB_EVENT_KEYS: ReadonlySet<string> = new Set([");
  for (const field of schema.fields) p.line(`  "${field.property}",`);
  p.line("]);");
  p.line();
  p.doc(
    "",
    "Checks the type and the bounds of each field. What lies inside of maps is checked where\n" +
      "they are encoded.\n\n@throws {TypeError} The message names the field and the value.",
  );
  p.line("export function checkJobEvent(event: JobEvent): void {");
  p.line(`  if (typeof event !== "object" || event === null) {`);
  p.line(`    refuseField("the event", "an object", event);`);
  p.line("  }");
  for (const field of payload) printFieldCheck(p, field);
  p.line("}");
  p.line();
  p.doc(
    "",
    "Checks everything that {@linkcode checkJobEvent} does, the tokens, and what lies inside of\n" +
      "maps.\n\n" +
      "@throws {TypeError} The message names the field and the value.",
  );
  p.line("export function validateJobEvent(event: JobEvent): void {");
  p.line("  checkJobEvent(event);");
  for (const field of payload) printDeepCheck(p, field);
  p.line("}");
  return p.toString();
}

function printFieldCheck(p: Printer, field: Field): void {
  const value = `event.${field.property}`;
  const refuse = (expected: string) => {
    p.line(`    refuseField("${field.property}", ${expected}, ${value});`);
    p.line("  }");
  };
  const wrong = (condition: string) =>
    p.line(field.required ? `  if (${condition}) {` : `  if (${value} != null && ${condition}) {`);
  switch (field.kind) {
    case "type":
      p.line(`  if (!isJobEventType(${value})) {`);
      refuse('`one of ${JOB_EVENT_TYPES.join(", ")}`');
      break;
    case "string":
      if (field.token) {
        wrong(
          field.required
            ? `typeof ${value} !== "string" || ${value} === ""`
            : `(typeof ${value} !== "string" || ${value} === "")`,
        );
        refuse(`"a string that is not empty"`);
      } else {
        wrong(`typeof ${value} !== "string"`);
        refuse(`"a string"`);
      }
      break;
    case "double":
    case "integer":
      wrong(`!Number.isFinite(${value})`);
      refuse(`"a finite number"`);
      if (field.max !== undefined) {
        wrong(`${value} > ${field.max}`);
        refuse(JSON.stringify(`at most ${field.max}${hint(field)}`));
      }
      break;
    case "stringMap":
    case "dynamic":
      wrong(`typeof ${value} !== "object"`);
      refuse(`"an object"`);
      break;
  }
}

function hint(field: Field): string {
  return (field.unit === undefined ? "" : ` (${field.unit})`) +
    (field.maxHint === undefined ? "" : `; a larger value is most likely in ${field.maxHint}`);
}

function printDeepCheck(p: Printer, field: Field): void {
  const value = `event.${field.property}`;
  const check = field.kind === "dynamic"
    ? `packDynamic(${value}, "${field.property}");`
    : field.kind === "stringMap"
    ? `measureStringMap(${value}, "${field.property}");`
    : field.token
    ? `fieldToken("${field.property}", ${value});`
    : undefined;
  if (check !== undefined) {
    p.line(field.required ? `  ${check}` : `  if (${value} != null) ${check}`);
  }
}
