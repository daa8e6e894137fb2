/** The two small languages of `(naq.event)`: what a factory takes, and its message. */

import { camel, localName } from "./names.ts";
import type { Field } from "./schema.ts";
import { SNAKE_CASE } from "./schema_rules.ts";

/** One thing that a factory takes. */
export type Take =
  | {
    readonly kind: "field";
    readonly name: string;
    readonly argument: string;
    readonly local: string;
    readonly field: Field;
  }
  | {
    readonly kind: "error";
    readonly name: "error";
    readonly argument: "error";
    readonly local: "error";
  }
  | DetailTake;

/** An entry of `details`. */
export interface DetailTake {
  readonly kind: "detail";
  /** The key in `details`. */
  readonly name: string;
  /** The name of the argument or option. */
  readonly argument: string;
  /** The name of the variable that holds it. */
  readonly local: string;
  readonly type: "number" | "string" | "string[]";
  /** Whether it is an option rather than a positional argument. */
  readonly optional: boolean;
  /** TypeScript source of the option's default. */
  readonly default: string | undefined;
}

/** A piece of a message: text, or something that the factory takes, formatted. */
export type MessagePart = { readonly text: string } | {
  readonly take: Take;
  readonly format: "" | "fixed" | "count" | "time";
};

/** Fails the generation with what is wrong and what is allowed. */
export type Report = (problem: string, allowed: string) => never;

const DETAIL = /^details\.(\w+)(\??): *(number|string|string\[\])(?: *= *(.+))?$/;
const FORMATS = { "": "", ".2f": "fixed", "count": "count", "time": "time" } as const;
const FORMATS_OF: Readonly<Record<string, readonly string[]>> = {
  string: [""],
  double: ["", ".2f", "time"],
  number: ["", ".2f", "time"],
  "string[]": ["", "count"],
  error: [""],
};

/** Parses `(naq.event).takes`. */
export function parseTakes(text: string, fields: readonly Field[], report: Report): Take[] {
  const takes: Take[] = [];
  for (const item of text.split(",").map((part) => part.trim()).filter((part) => part !== "")) {
    const take = parseTake(item, fields, report);
    const isOption = take.kind === "detail" && take.optional;
    const last = takes.at(-1);
    if (!isOption && last?.kind === "detail" && last.optional) {
      report(`"${item}" stands after an option`, "options last");
    }
    if (takes.some((other) => other.argument === take.argument)) {
      report(`"${item}" is taken twice`, "each name once");
    }
    takes.push(take);
  }
  const fills = takes.some((take) => take.kind === "error") ? ["error_type", "error_message"] : [];
  if (takes.some((take) => fills.includes(take.name))) {
    report(`error fills ${fills.join(" and ")}`, "error, or the two fields");
  }
  return takes;
}

function parseTake(item: string, fields: readonly Field[], report: Report): Take {
  if (item === "error") {
    const names = ["error_type", "error_message"];
    const isThere = names.every((name) => fields.some((field) => field.name === name));
    if (!isThere) report(`"error" has no fields to fill`, `the fields ${names.join(" and ")}`);
    return { kind: "error", name: "error", argument: "error", local: "error" };
  }
  const takable = fields.filter(isTakable);
  const field = takable.find((field) => field.name === item);
  if (field !== undefined) {
    const { property } = field;
    return { kind: "field", name: item, argument: property, local: localName(property), field };
  }
  const detail = DETAIL.exec(item);
  if (detail === null || !SNAKE_CASE.test(detail[1]!)) {
    const names = takable.map((field) => field.name).join(", ");
    report(`"${item}" is not known`, `error, details.snake_case: type, or a field: ${names}`);
  }
  return parseDetail(item, detail, fields, report);
}

/** Whether a factory can take a field by its name: not what every factory fills by itself. */
function isTakable(field: Field): boolean {
  return field.payload && !field.required && field.name !== "message" && field.name !== "details";
}

function parseDetail(
  item: string,
  detail: RegExpExecArray,
  fields: readonly Field[],
  report: Report,
): DetailTake {
  const [, name = "", mark, type, value] = detail;
  const argument = camel(name);
  const optional = mark === "?" || value !== undefined;
  if (!fields.some((field) => field.name === "details" && field.payload)) {
    report(`"${item}" has no field to go to`, "the field details");
  }
  if (mark === "?" && value !== undefined) report(`"${item}" has ? and a default`, "one of both");
  if (argument === "jobId" || optional && fields.some((field) => field.property === argument)) {
    report(`"${item}" has the name of a field`, "a name that no field has");
  }
  return {
    kind: "detail",
    name,
    argument,
    local: localName(argument),
    type: type as DetailTake["type"],
    optional,
    default: value === undefined ? undefined : parseDefault(value, type, report),
  };
}

function parseDefault(value: string, type: string | undefined, report: Report): string {
  const number = Number(value);
  if (type === "number" && value.trim() !== "" && Number.isFinite(number)) return String(number);
  if (type === "string") return JSON.stringify(value);
  return report(`default ${value} does not fit ${type}`, "a number, or text for a string");
}

/** Parses `(naq.event).message`. */
export function parseMessage(text: string, takes: readonly Take[], report: Report): MessagePart[] {
  if (text === "") report("the message is missing", `message: "…"`);
  const parts: MessagePart[] = [];
  for (const piece of text.split(/(\{[^}]*\})/)) {
    if (piece === "") continue;
    if (!/^\{.*\}$/s.test(piece)) {
      if (/[{}]/.test(piece)) report(`message has a lone brace in "${piece}"`, "{name}");
      parts.push({ text: piece });
      continue;
    }
    const [name, format = ""] = piece.slice(1, -1).split(":");
    const take = takes.find((take) => take.name === name);
    if (take === undefined) {
      report(`message names {${name}}`, takes.map((take) => `{${take.name}}`).join(", ") || "text");
    }
    if (take.kind === "detail" && take.optional && take.default === undefined) {
      report(`message names the option {${name}}, which may be absent`, "options with a default");
    }
    if (!Object.hasOwn(FORMATS, format)) {
      report(`message has format "${format}"`, Object.keys(FORMATS).filter(Boolean).join(", "));
    }
    const fitting = FORMATS_OF[takeType(take)] ?? [];
    if (!fitting.includes(format)) {
      const allowed = fitting.map((format) => format || "no format").join(", ") || "text";
      report(`message has format "${format}" for {${name}}`, allowed);
    }
    parts.push({ take, format: FORMATS[format as keyof typeof FORMATS] });
  }
  return parts;
}

function takeType(take: Take): string {
  if (take.kind === "error") return "error";
  return take.kind === "detail" ? take.type : take.field.kind;
}
