/**
 * The statements of the schema and their lines. protobufjs keeps no positions and passes over what
 * it has no use for, so this module looks at the text itself: every statement must have one of a
 * few forms, and each declaration is found again by its name.
 */

import type { SchemaFile } from "./schema.ts";
import { SchemaError } from "./schema_error.ts";

/** The number of the line, from 1, of each declaration by a key such as `field worker_id`. */
export type Lines = ReadonlyMap<string, number>;

interface Statement {
  readonly line: number;
  /** The statement that opens the block around this one; "" at the top. */
  readonly block: string;
  /** Without comments, white space collapsed. */
  readonly text: string;
}

/** A form that a statement can have; its first group is the name. */
interface Form {
  readonly kind: string;
  readonly pattern: RegExp;
}

const MESSAGE = "message JobEvent";
const ENUM = "enum JobEventType";

const FORMS: Readonly<Record<string, { forms: readonly Form[]; allowed: string }>> = {
  "": {
    forms: [
      { kind: "syntax", pattern: /^syntax ?= ?"proto3"()$/ },
      { kind: "package", pattern: /^package [\w.]+()$/ },
      { kind: "import", pattern: /^import "([^"]*)"$/ },
      { kind: "message", pattern: /^message JobEvent()$/ },
      { kind: "enum", pattern: /^enum JobEventType()$/ },
    ],
    allowed: `syntax = "proto3", package, import "…", ${MESSAGE} and ${ENUM}`,
  },
  [MESSAGE]: {
    forms: [
      { kind: "subject", pattern: /^option \(naq\.subject\) ?= ?\{.*\}()$/ },
      {
        kind: "field",
        pattern: /^(?!option )(?:map ?<.*>|(?:repeated )?[\w.]+) (\w+) ?= ?\d+ ?(?:\[.*\])?$/,
      },
    ],
    allowed: "plain fields and option (naq.subject) = { … }",
  },
  [ENUM]: {
    forms: [{ kind: "value", pattern: /^(?!option )(\w+) ?= ?\d+ ?(?:\[.*\])?$/ }],
    allowed: "values",
  },
};

const COMMENT_OR_STRING = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;
const STRING = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g;

/**
 * Checks the form of every statement.
 *
 * @throws {SchemaError} A statement has another form, or declares again what another one did.
 */
export function readLines(file: SchemaFile): Lines {
  const lines = new Map<string, number>();
  let subjects = 0;
  for (const { line, block, text } of statements(file.text)) {
    const known = FORMS[block];
    const fail = (problem: string, allowed: string): never => {
      throw new SchemaError(file.name, line, problem, allowed);
    };
    if (known === undefined) return fail(`${quote(text)} is not known`, "no block inside");
    const form = known.forms.find((form) => form.pattern.test(text));
    if (form === undefined) return fail(`${quote(text)} is not known`, known.allowed);
    const name = form.kind === "subject" ? String(subjects++) : form.pattern.exec(text)?.[1] ?? "";
    const key = `${form.kind} ${name}`.trim();
    if (lines.has(key)) fail(`${key} stands here a second time`, "each declaration once");
    const number = numberKey(form.kind, text);
    if (lines.has(number)) fail(`${number} is taken already`, "each number once");
    checkOptionsOnce(text, fail);
    lines.set(key, line);
    if (number !== "") lines.set(number, line);
  }
  if (!lines.has("syntax")) {
    throw new SchemaError(file.name, 1, "the syntax is missing", `syntax = "proto3"`);
  }
  return lines;
}

/** `field number 5`, so that a number is found to be taken; "" for what has no number. */
function numberKey(kind: string, text: string): string {
  if (kind !== "field" && kind !== "value") return "";
  return `${kind} number ${/= ?(\d+)/.exec(text)?.[1]}`;
}

function checkOptionsOnce(
  text: string,
  fail: (problem: string, allowed: string) => never,
): void {
  const code = text.replace(STRING, '""');
  const seen = new Set<string>();
  for (const [option] of code.matchAll(/\([\w.]+\)[.\w]*(?= ?=)|\w+(?= ?:)/g)) {
    if (seen.has(option)) fail(`option ${option} is set twice`, "each option once");
    seen.add(option);
  }
}

function quote(text: string): string {
  return `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"`;
}

/** Splits a text at the `;`, `{` and `}` that end statements: not those inside of values. */
function statements(text: string): Statement[] {
  // Both have the length and the line breaks of the text; in the second, strings are blank too.
  const code = blank(text, (token) => token.startsWith("/"));
  const marks = blank(text, () => true);
  const found: Statement[] = [];
  const blocks: string[] = [];
  let start = 0;
  let values = 0;
  const take = (end: number): string => {
    const source = code.slice(start, end);
    const statement = source.trim().replace(/\s+/g, " ");
    if (statement !== "") {
      const before = text.slice(0, start + source.search(/\S/));
      found.push({ line: before.split("\n").length, block: blocks.at(-1) ?? "", text: statement });
    }
    start = end + 1;
    return statement;
  };
  for (let at = 0; at < marks.length; at++) {
    const mark = marks[at]!;
    const opensBlock = mark === "{" && values === 0 && !marks.slice(start, at).includes("=");
    if (opensBlock) blocks.push(take(at));
    else if ("[{".includes(mark)) values++;
    else if ("]}".includes(mark) && values > 0) values--;
    else if (mark === "}") {
      take(at);
      blocks.pop();
    } else if (mark === ";" && values === 0) take(at);
  }
  take(marks.length);
  return found;
}

function blank(text: string, isBlank: (token: string) => boolean): string {
  return text.replace(
    COMMENT_OR_STRING,
    (token) => isBlank(token) ? token.replace(/[^\n]/g, " ") : token,
  );
}
