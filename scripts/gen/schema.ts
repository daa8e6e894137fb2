/** Reads the schema: protobufjs parses it, this module checks it and gives plain descriptors. */

import { createHash } from "node:crypto";
import protobuf from "protobufjs";
import { SchemaError } from "./schema_error.ts";
import { fail, type Source } from "./source.ts";
import { readLines } from "./statements.ts";
import { camel, pascal } from "./names.ts";
import { declaredOptions, readOptions } from "./options.ts";
import { checkFields, checkName, requireField, SNAKE_CASE, UPPER_CASE } from "./schema_rules.ts";
import { type MessagePart, parseMessage, parseTakes, type Take } from "./event_options.ts";

/** What a field holds. */
export type FieldKind = "string" | "double" | "integer" | "type" | "stringMap" | "dynamic";

/** One field of the event. */
export interface Field {
  /** The name on the wire, snake_case. */
  readonly name: string;
  /** The property's name, camelCase. */
  readonly property: string;
  readonly kind: FieldKind;
  readonly doc: string;
  readonly unit: string | undefined;
  readonly required: boolean;
  readonly payload: boolean;
  readonly header: boolean;
  readonly token: boolean;
  readonly max: number | undefined;
  readonly maxHint: string | undefined;
}

/** One event type. */
export interface EventType {
  /** The name in the schema: `RETRY_SCHEDULED`. */
  readonly name: string;
  /** The value on the wire: `retry_scheduled`. */
  readonly value: string;
  /** The key in the constant: `RetryScheduled`. */
  readonly key: string;
  /** The factory's name: `retryScheduled`. */
  readonly method: string;
  readonly doc: string;
  readonly takes: readonly Take[];
  readonly message: readonly MessagePart[];
  /** A name of {@linkcode SubjectForm}, or "" for the bare form. */
  readonly context: string;
}

/** One form of subject. */
export interface SubjectForm {
  readonly name: string;
  /** The field that is the id. */
  readonly field: Field | undefined;
  /** The entry of `details` that is the id. */
  readonly detail: string | undefined;
}

/** The whole schema. */
export interface Schema {
  /** SHA-256 of the schema's and its options' text, hexadecimal. */
  readonly hash: string;
  readonly doc: string;
  readonly typeDoc: string;
  readonly fields: readonly Field[];
  readonly types: readonly EventType[];
  readonly subjects: readonly SubjectForm[];
}

/** One file of the schema. */
export interface SchemaFile {
  /** The name for error messages. */
  readonly name: string;
  readonly text: string;
}

const KINDS: Readonly<Record<string, FieldKind>> = {
  "string": "string",
  "double": "double",
  "uint64": "integer",
  "JobEventType": "type",
  "google.protobuf.Struct": "dynamic",
};
const ALLOWED_TYPES = `${Object.keys(KINDS).join(", ")} and map<string, string>`;
const ALLOWED_IMPORTS = ["google/protobuf/struct.proto", "naq/options.proto"];

/**
 * Parses and checks the schema.
 *
 * @throws {SchemaError} Something in it is not known; the message has file, line and what is
 * allowed.
 */
export function parseSchema(file: SchemaFile, optionsFile: SchemaFile): Schema {
  const options = declaredOptions(parseProto(optionsFile).root, optionsFile);
  const source: Source = { file, lines: readLines(file), options };
  const { root, package: name, imports } = parseProto(file);
  for (const path of imports ?? []) {
    if (!ALLOWED_IMPORTS.includes(path)) {
      fail(source, `import ${path}`, `import "${path}" is not known`, ALLOWED_IMPORTS.join(", "));
    }
  }
  const message = declaration(source, root, name, "JobEvent", protobuf.Type);
  const types = declaration(source, root, name, "JobEventType", protobuf.Enum);
  const fields = message.fieldsArray.map((field) => readField(source, field));
  checkFields(source, fields);
  const subjects = readSubjects(source, message, fields);
  return {
    hash: createHash("sha256").update(file.text).update(optionsFile.text).digest("hex"),
    doc: requireDoc(source, "message", message.comment),
    typeDoc: requireDoc(source, "enum", types.comment),
    fields,
    types: readTypes(source, types, fields, subjects),
    subjects,
  };
}

function parseProto(file: SchemaFile): protobuf.IParserResult {
  try {
    return protobuf.parse(file.text, new protobuf.Root(), {
      keepCase: true,
      alternateCommentMode: true,
    });
  } catch (cause) {
    // protobufjs ends its messages with "(line N)".
    const [, text, line] = /^(.*?)(?: \(line (\d+)\))?$/s.exec((cause as Error).message)!;
    throw new SchemaError(file.name, Number(line ?? 1), text!, "proto3 syntax", { cause });
  }
}

function requireDoc(source: Source, key: string, doc: string | null): string {
  if (doc === null || doc === undefined || doc === "") {
    fail(source, key, "a comment is missing", "a comment above each declaration");
  }
  return doc;
}

function declaration<T extends protobuf.ReflectionObject>(
  source: Source,
  root: protobuf.Root,
  path: string | undefined,
  name: string,
  kind: { new (...args: never[]): T },
): T {
  const found = root.lookup(path === undefined ? name : `${path}.${name}`);
  if (found instanceof kind) return found;
  return fail(source, "package", `${name} is missing`, "message JobEvent and enum JobEventType");
}

function readField(source: Source, field: protobuf.Field): Field {
  const key = `field ${field.name}`;
  checkName(source, key, field.name, SNAKE_CASE, "snake_case");
  const kind = fieldKind(field);
  if (kind === undefined) {
    fail(source, key, `field ${field.name} has type ${declaredType(field)}`, ALLOWED_TYPES);
  }
  const line = source.lines.get(key)!;
  const set = readOptions(source.file, line, "FieldOptions", field.options, source.options);
  const doc = requireDoc(source, key, field.comment);
  const unit = set["unit"] as string | undefined;
  return {
    name: field.name,
    property: camel(field.name),
    kind,
    doc: unit === undefined ? doc : `${doc}\n\nUnit: ${unit}.`,
    unit,
    required: set["required"] as boolean | undefined ?? false,
    payload: set["payload"] as boolean | undefined ?? true,
    header: set["header"] as boolean | undefined ?? false,
    token: set["token"] as boolean | undefined ?? false,
    max: set["max"] as number | undefined,
    maxHint: set["max_hint"] as string | undefined,
  };
}

function fieldKind(field: protobuf.Field): FieldKind | undefined {
  if (field instanceof protobuf.MapField) {
    return field.keyType === "string" && field.type === "string" ? "stringMap" : undefined;
  }
  return field.repeated ? undefined : KINDS[field.type];
}

function declaredType(field: protobuf.Field): string {
  if (field instanceof protobuf.MapField) return `map<${field.keyType}, ${field.type}>`;
  return `${field.repeated ? "repeated " : ""}${field.type}`;
}

function readSubjects(
  source: Source,
  message: protobuf.Type,
  fields: readonly Field[],
): SubjectForm[] {
  const forms: SubjectForm[] = [];
  const parsed = (message.parsedOptions ?? []) as unknown as Record<string, unknown>[];
  for (const entry of parsed) {
    const key = `subject ${forms.length}`;
    const line = source.lines.get(key)!;
    const flat = Object.entries(entry).flatMap(([option, value]) =>
      Object.entries(value as object).map(([name, text]) => [`${option}.${name}`, text])
    );
    const set = readOptions(
      source.file,
      line,
      "MessageOptions",
      Object.fromEntries(flat),
      source.options,
    );
    const name = set["subject.name"] as string | undefined ?? "";
    checkName(source, key, name, SNAKE_CASE, "snake_case");
    if (forms.some((form) => form.name === name)) {
      fail(source, key, `subject "${name}" stands here a second time`, "each name once");
    }
    const fieldName = set["subject.field"] as string | undefined;
    const detail = set["subject.detail"] as string | undefined;
    const tokens = fields.filter((field) => field.token && field.payload && !field.required);
    const field = tokens.find((field) => field.name === fieldName);
    if (fieldName !== undefined && field === undefined) {
      const allowed = tokens.map((field) => field.name).join(", ");
      fail(source, key, `field ${fieldName} is no token of the payload`, allowed);
    }
    if (detail !== undefined && field !== undefined) {
      fail(source, key, `subject "${name}" has a field and a detail`, "one of both, or none");
    }
    if (detail !== undefined) {
      checkName(source, key, detail, SNAKE_CASE, "snake_case");
      requireField(source, key, fields, "details", "dynamic");
    }
    forms.push({ name, field, detail });
  }
  return forms;
}

function readTypes(
  source: Source,
  types: protobuf.Enum,
  fields: readonly Field[],
  subjects: readonly SubjectForm[],
): EventType[] {
  const values: EventType[] = [];
  for (const [name, id] of Object.entries(types.values)) {
    const key = `value ${name}`;
    const line = source.lines.get(key)!;
    checkName(source, key, name, UPPER_CASE, "UPPER_CASE");
    const given = types.valuesOptions?.[name];
    const set = readOptions(source.file, line, "EnumValueOptions", given, source.options);
    const isEvent = Object.keys(set).length > 0;
    if (isEvent === (id === 0)) {
      const problem = `value ${name} has ${isEvent ? "an" : "no"} option (naq.event)`;
      fail(source, key, problem, "one (naq.event) for each value but 0");
    }
    if (id !== 0) values.push(readType(source, name, set, types, fields, subjects));
  }
  if (values.length === 0) fail(source, "enum", "the enum has no event types", "one or more");
  if (!Object.values(types.values).includes(0)) {
    fail(source, "enum", "value 0 is missing", "a value 0 that is no event type, as in proto3");
  }
  return values;
}

function readType(
  source: Source,
  name: string,
  set: Readonly<Record<string, unknown>>,
  types: protobuf.Enum,
  fields: readonly Field[],
  subjects: readonly SubjectForm[],
): EventType {
  const key = `value ${name}`;
  const report = (problem: string, allowed: string): never =>
    fail(source, key, `value ${name}: ${problem}`, allowed);
  const value = name.toLowerCase();
  const method = camel(value);
  if (method === "create") report("the factory would be named create", "another name");
  const context = set["event.context"] as string | undefined ?? "";
  if (context !== "" && !subjects.some((form) => form.name === context)) {
    report(`context "${context}" is not known`, subjects.map((form) => form.name).join(", "));
  }
  const takes = parseTakes(set["event.takes"] as string | undefined ?? "", fields, report);
  return {
    name,
    value,
    key: pascal(value),
    method,
    doc: requireDoc(source, key, types.comments[name] ?? null),
    takes,
    message: parseMessage(set["event.message"] as string | undefined ?? "", takes, report),
    context,
  };
}
