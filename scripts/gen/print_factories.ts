/** Prints `src/gen/factories.ts`: one factory for each event type. */

import type { DetailTake, MessagePart, Take } from "./event_options.ts";
import { printInterface, TS_TYPES } from "./print_types.ts";
import { Printer, withArticle } from "./printer.ts";
import type { EventType, Field, Schema } from "./schema.ts";

/** Prints the file. */
export function printFactories(schema: Schema): string {
  const p = new Printer(schema, "One factory for each event type.");
  const formats = usedFormats(schema);
  p.line(`import { checkArgument, checkKeys, mergeDetails, now } from "../event/check.ts";`);
  if (formats.length > 0) {
    p.line(`import { ${formats.join(", ")} } from "../event/format.ts";`);
  }
  p.line(`import type { JobEventValue } from "../event/dynamic.ts";`);
  p.line(`import type { JobEventExtras, JobEventInit, JobEventType } from "./types.ts";`);
  p.line(`import { JOB_EVENT_KEYS, validateJobEvent } from "./validate.ts";`);
  p.line();
  p.doc("", `${schema.doc} Fields that are not set are absent.\n\nFrom message JobEvent.`);
  const payload = schema.fields.filter((field) => field.payload);
  printInterface(p, "export interface JobEvent {", payload, (field) => field.required);
  p.line("type Draft = { -readonly [Key in keyof JobEvent]: JobEvent[Key] };");
  p.line();
  printApplyExtras(p, schema);
  printCreate(p);
  for (const type of schema.types) printBuilder(p, type);
  printNamespace(p, schema);
  return p.toString();
}

function usedFormats(schema: Schema): string[] {
  const used = new Set<string>();
  for (const type of schema.types) {
    for (const part of type.message) if ("take" in part && part.format) used.add(part.format);
    if (type.takes.some((take) => take.kind === "error")) used.add("errorMessage").add("errorType");
  }
  return [...used].sort();
}

/** The fields that `applyExtras` copies: all that no factory sets by other means. */
function copiedFields(schema: Schema): Field[] {
  return schema.fields.filter((field) =>
    field.payload && !field.required && field.name !== "message"
  );
}

function printApplyExtras(p: Printer, schema: Schema): void {
  p.doc("", "Sets what the event does not have yet; merges `details`.");
  p.line("function applyExtras(event: Draft, extras: JobEventExtras): void {");
  for (const { property } of copiedFields(schema)) {
    if (property === "details") {
      p.line("  if (extras.details != null) {");
      p.line("    event.details = mergeDetails(event.details, extras.details);");
      p.line("  }");
    } else {
      p.line(`  if (event.${property} === undefined && extras.${property} != null) {`);
      p.line(`    event.${property} = extras.${property};`);
      p.line("  }");
    }
  }
  p.line("}");
  p.line();
}

function printCreate(p: Printer): void {
  p.doc(
    "",
    "{@linkcode JobEvent.create}, alone: a bundle that needs no more has no more.\n\n" +
      "@throws {TypeError} A field is missing, of the wrong type, out of bounds or not known.",
  );
  p.line("export function createJobEvent(init: JobEventInit): JobEvent {");
  p.line("  checkKeys(init, JOB_EVENT_KEYS);");
  p.line("  const event: Draft = {");
  p.line("    jobId: init.jobId,");
  p.line("    eventType: init.eventType,");
  p.line("    timestamp: init.timestamp ?? now(),");
  p.line("  };");
  p.line("  if (init.message != null) event.message = init.message;");
  p.line("  applyExtras(event, init);");
  p.line("  return validated(event);");
  p.line("}");
  p.line();
  p.line("function validated(event: JobEvent): JobEvent {");
  p.line("  validateJobEvent(event);");
  p.line("  return event;");
  p.line("}");
  p.line();
}

function printBuilder(p: Printer, type: EventType): void {
  p.doc(
    "",
    `Builds ${
      withArticle(type.value)
    } event from its arguments, which it checks. The rest is not ` +
      "checked.\n\n" +
      `From value ${type.name} of enum JobEventType.\n\n` +
      "@throws {TypeError} An argument is missing or of the wrong type; the message names it.",
  );
  p.line(`export function build${type.key}(`);
  for (const parameter of parameters(type)) p.line(`  ${parameter},`);
  p.line("): JobEvent {");
  const details = type.takes.filter((take) => take.kind === "detail");
  for (const take of details) {
    if (take.default !== undefined) {
      p.line(`  const ${take.local} = options?.${take.argument} ?? ${take.default};`);
    }
  }
  for (const take of type.takes) printArgumentCheck(p, take);
  p.line("  const event: Draft = {");
  p.line("    jobId,");
  p.line(`    eventType: "${type.value}",`);
  p.line("    timestamp: options?.timestamp ?? now(),");
  for (const take of type.takes) {
    if (take.kind === "field") p.line(`    ${entry(take.argument, take.local)},`);
    if (take.kind === "error") {
      p.line("    errorType: errorType(error),");
      p.line("    errorMessage: errorMessage(error),");
    }
  }
  p.line(`    message: options?.message ?? ${messageSource(type.message)},`);
  const always = details.filter((take) => !take.optional || take.default !== undefined);
  if (always.length > 0) {
    p.line(`    details: { ${always.map((take) => entry(take.name, take.local)).join(", ")} },`);
  }
  p.line("  };");
  for (const take of details) if (!always.includes(take)) printOptionalDetail(p, take);
  p.line("  if (options != null) applyExtras(event, options);");
  p.line("  return event;");
  p.line("}");
  p.line();
}

function printArgumentCheck(p: Printer, take: Take): void {
  const isAbsent = take.kind === "detail" && take.optional && take.default === undefined;
  if (take.kind === "error" || isAbsent) return;
  p.line(`  checkArgument("${take.argument}", "${checkedType(take)}", ${take.local});`);
}

function printOptionalDetail(p: Printer, take: DetailTake): void {
  const value = `options.${take.argument}`;
  p.line(`  if (options?.${take.argument} != null) {`);
  p.line(`    checkArgument("${take.argument}", "${checkedType(take)}", ${value});`);
  p.line(`    event.details = { ...event.details, ${take.name}: ${value} };`);
  p.line("  }");
}

function checkedType(take: DetailTake | (Take & { kind: "field" })): string {
  if (take.kind === "detail") return take.type;
  const type = TS_TYPES[take.field.kind];
  return type === "string" || type === "number" ? type : "object";
}

function entry(key: string, value: string): string {
  return key === value ? key : `${key}: ${value}`;
}

/** The parameters of a factory, as `name: type`. */
export function parameters(type: EventType): string[] {
  const list = ["jobId: string"];
  const options: string[] = [];
  for (const take of type.takes) {
    if (take.kind === "detail" && take.optional) {
      options.push(`readonly ${take.argument}?: ${detailType(take)}`);
    } else {
      list.push(`${take.local}: ${argumentType(take)}`);
    }
  }
  const own = options.length === 0 ? "" : `{ ${options.join("; ")} } & `;
  list.push(`options?: ${own}JobEventExtras`);
  return list;
}

function argumentType(take: Take): string {
  if (take.kind === "error") return "unknown";
  return take.kind === "detail" ? detailType(take) : TS_TYPES[take.field.kind];
}

function detailType(take: DetailTake): string {
  return take.type === "string[]" ? "readonly string[]" : take.type;
}

function messageSource(parts: readonly MessagePart[]): string {
  if (parts.every((part) => "text" in part)) {
    return JSON.stringify(parts.map((part) => part.text).join(""));
  }
  const text = parts.map((part) => {
    if ("text" in part) return part.text.replace(/[\\`$]/g, "\\$&").replaceAll("\r", "\\r");
    const { kind, local } = part.take;
    const format = kind === "error" ? "errorMessage" : part.format;
    return format === "" ? `\${${local}}` : `\${${format}(${local})}`;
  }).join("");
  return `\`${text}\``;
}

function printNamespace(p: Printer, schema: Schema): void {
  p.doc(
    "",
    "The factories of {@linkcode JobEvent}. Each checks what it builds and throws a `TypeError`\n" +
      "that names the field.",
  );
  p.line("export interface JobEventFactories {");
  p.doc(
    "  ",
    "Checks the fields and fills `timestamp` with the time now.\n\n" +
      "@throws {TypeError} A field is missing, of the wrong type, out of bounds or not known.",
  );
  p.line("  create(init: JobEventInit): JobEvent;");
  for (const type of schema.types) {
    p.doc("  ", `${withArticle(type.value, "A")} event. ${type.doc}`);
    p.line(`  ${type.method}(`);
    for (const parameter of parameters(type)) p.line(`    ${parameter},`);
    p.line("  ): JobEvent;");
  }
  p.line("}");
  p.line();
  p.doc(
    "",
    [
      "Makes events: `create` from fields, and one factory for each event type.",
      "",
      "@example",
      "```ts",
      `import { JobEvent } from "@naq/events";`,
      `import assert from "node:assert/strict";`,
      "",
      `const event = JobEvent.create({ jobId: "job-1", eventType: "${schema.types[0]!.value}" });`,
      `assert.equal(event.jobId, "job-1");`,
      "```",
    ].join("\n"),
  );
  p.line("export const JobEvent: JobEventFactories = {");
  p.line("  create: createJobEvent,");
  for (const type of schema.types) {
    p.line(`  ${type.method}: (...args) => validated(build${type.key}(...args)),`);
  }
  p.line("};");
}
