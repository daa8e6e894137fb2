/** The rules that a schema must keep beyond its syntax: what the printed code relies on. */

import type { Field, FieldKind } from "./schema.ts";
import { fail, type Source } from "./source.ts";

/** The names of fields and of entries of `details`. A digit never begins a part. */
export const SNAKE_CASE: RegExp = /^[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*$/;
/** The names of event types. */
export const UPPER_CASE: RegExp = /^[A-Z][A-Z0-9]*(?:_[A-Z][A-Z0-9]*)*$/;

const MAX_NAME_LENGTH = 64;

/** The fields that no event can be without: every factory fills them, and no other. */
const REQUIRED: Readonly<Record<string, FieldKind>> = {
  job_id: "string",
  event_type: "type",
  timestamp: "double",
};

/** Checks the form of a name. Distinct names of these forms stay distinct in camelCase. */
export function checkName(
  source: Source,
  key: string,
  name: string,
  pattern: RegExp,
  form: string,
): void {
  if (!pattern.test(name)) fail(source, key, `name "${name}" is not in ${form}`, form);
  if (name.length > MAX_NAME_LENGTH) {
    fail(source, key, `name "${name}" is too long`, `${MAX_NAME_LENGTH} characters`);
  }
}

/** Checks that there is a field of this name and kind in the payload. */
export function requireField(
  source: Source,
  key: string,
  fields: readonly Field[],
  name: string,
  kind: FieldKind,
): void {
  if (!fields.some((field) => field.name === name && field.kind === kind && field.payload)) {
    fail(source, key, `the field ${name} is missing`, `a payload field ${name} of kind ${kind}`);
  }
}

/** Checks the fields together, and that the options of each fit its type. */
export function checkFields(source: Source, fields: readonly Field[]): void {
  for (const [name, kind] of Object.entries({ ...REQUIRED, message: "string" } as const)) {
    requireField(source, "message", fields, name, kind);
  }
  for (const field of fields) {
    const refuse = (problem: string, allowed: string): never =>
      fail(source, `field ${field.name}`, `field ${field.name} ${problem}`, allowed);
    if (field.property in Object.prototype) {
      refuse("has the name of what every object has", "another name");
    }
    if (field.required !== Object.hasOwn(REQUIRED, field.name)) {
      const names = Object.keys(REQUIRED).join(", ");
      refuse(field.required ? "is required" : "is not required", `(naq.required) on ${names}`);
    }
    if (field.name === "job_id" && !field.token) refuse("is no token", "(naq.token) = true");
    if (field.kind === "type" && field.name !== "event_type") {
      refuse("has type JobEventType", "one field of this type, event_type");
    }
    if (field.kind === "integer" && field.payload) {
      refuse("is an integer in the payload", "double");
    }
    const isNumber = field.kind === "double" || field.kind === "integer";
    if (field.header && field.payload) refuse("has option (naq.header)", "(naq.payload) = false");
    if (field.token && field.kind !== "string") refuse("has option (naq.token)", "string fields");
    if (field.unit !== undefined && !isNumber) refuse("has option (naq.unit)", "number fields");
    if (field.max !== undefined && field.kind !== "double") {
      refuse("has option (naq.max)", "double fields");
    }
    if (field.maxHint !== undefined && field.max === undefined) {
      refuse("has option (naq.max_hint)", "fields with (naq.max)");
    }
    const reserved: Readonly<Record<string, FieldKind>> = {
      details: "dynamic",
      error_type: "string",
      error_message: "string",
    };
    const kind = reserved[field.name];
    if (kind !== undefined && kind !== field.kind) {
      refuse(`is of kind ${field.kind}`, kind);
    }
  }
}
