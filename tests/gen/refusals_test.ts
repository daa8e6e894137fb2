import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { generate } from "../../scripts/gen/generate.ts";
import { edit, generated, lineOf, TINY } from "./schemas.ts";

/** A refusal: what is edited, the part that marks the line, and what the message must say. */
interface Refusal {
  readonly what: string;
  readonly from: string;
  readonly to: string;
  /** Stands in the line that the error must name; the edit itself unless it is given. */
  readonly at?: string;
  readonly says: readonly string[];
}

function check({ what, from, to, at = to, says }: Refusal): void {
  it(`generate() refuses ${what}, with file, line and what is allowed`, () => {
    const text = edit(TINY, from, to);
    assert.throws(() => generated(text), (error: Error) => {
      assert.equal(error.name, "SchemaError");
      const [place, rest = ""] = error.message.split(/: (.*)/s);
      assert.equal(place, `tiny.proto:${lineOf(text, at)}`, error.message);
      assert.match(rest, /; allowed: ./);
      for (const part of says) assert.ok(rest.includes(part), `${rest} should say ${part}`);
      return true;
    });
  });
}

const FIELD = "  // The text.\n";
const VALUE = "  // It failed.\n";
const LAST = "  // It was called off.\n";

/** Puts a statement and its comment before the field `message`. */
const field = (what: string, statement: string, ...says: string[]): Refusal => ({
  what,
  from: FIELD,
  to: `  // New.\n  ${statement}\n${FIELD}`,
  at: statement.split("\n")[0]!,
  says,
});

/** Changes the options of the value FAILED. */
const event = (what: string, options: string, ...says: string[]): Refusal => ({
  what,
  from: `{ takes: "error, details.retry_count: number = 0", message: "Retry {retry_count}"`,
  to: `{ ${options}`,
  at: "FAILED = 2",
  says: ["value FAILED", ...says],
});

/** Changes the second subject. */
const subject = (what: string, options: string, ...says: string[]): Refusal => ({
  what,
  from: `option (naq.subject) = { name: "lifecycle" }`,
  to: `option (naq.subject) = ${options}`,
  says,
});

describe("statements that the generator does not know", () => {
  const top = "message JobEvent and enum JobEventType";
  const before = "// An event.\n";
  check({
    what: "proto2",
    from: `"proto3"`,
    to: `"proto2"`,
    says: [`syntax = "proto2"`, `syntax = "proto3"`],
  });
  check({ what: "an edition", from: `syntax = "proto3"`, to: `edition = "2023"`, says: [top] });
  check({
    what: "another import",
    from: `import "naq/options.proto";`,
    to: `import "naq/options.proto";\nimport "other.proto";`,
    at: "other.proto",
    says: ["google/protobuf/struct.proto, naq/options.proto"],
  });
  for (const kind of ["public", "weak"]) {
    check({
      what: `a ${kind} import`,
      from: `import "naq/options.proto";`,
      to: `import ${kind} "naq/options.proto";`,
      says: [`import ${kind}`, top],
    });
  }
  check({
    what: "an option of the file",
    from: before,
    to: `option java_package = "x";\n${before}`,
    at: "java_package",
    says: ["option java_package", top],
  });
  for (
    const [what, text] of [
      ["a service", "service Watch { rpc Get (JobEvent) returns (JobEvent); }"],
      ["another message", "message Other { string a = 1; }"],
      ["another enum", "enum Other { NONE = 0; }"],
      ["an extension of a message", "extend JobEvent { string a = 100; }"],
    ] as const
  ) {
    check({ what, from: before, to: `// New.\n${text}\n${before}`, at: text, says: [top] });
  }
  check(field("a oneof", "oneof either { string a = 40; }", "oneof either", "plain fields"));
  check(field("a nested message", "message Inner { string a = 1; }", "plain fields"));
  check(field("a nested enum", "enum Inner { NONE = 0; }", "plain fields"));
  check(field("a reserved number", "reserved 40;", "reserved 40", "plain fields"));
  check(field("a reserved name", `reserved "old";`, "reserved", "plain fields"));
  check(field("an extension range", "extensions 40 to 50;", "extensions 40 to 50"));
  check(field("an optional field", "optional string note = 40;", "optional string note"));
  check(field("a required field of proto2", "required string note = 40;", "required string"));
  check(field("an option of the message", "option deprecated = true;", "(naq.subject)"));
  check(field("another custom option", `option (naq.other) = { a: "b" };`, "(naq.subject)"));
  const value = (what: string, text: string): void =>
    check({
      what,
      from: VALUE,
      to: `  ${text}\n${VALUE}`,
      at: text,
      says: [text.slice(0, -1), "values"],
    });
  value("a reserved number in the enum", "reserved 40;");
  value("an alias in the enum", "option allow_alias = true;");
  value("a negative value", "BELOW = -1;");
  check({
    what: "a missing semicolon",
    from: "message = 5;",
    to: "message = 5",
    says: ["message"],
  });
  check({ what: "a missing number", from: "message = 5;", to: "message = ;", says: ["message"] });
});

describe("fields that the generator does not know", () => {
  const types =
    "string, double, uint64, JobEventType, google.protobuf.Struct and map<string, string>";
  check(field("a type of a field", "int32 note = 40;", "field note has type int32", types));
  check(field("an unknown type", "Other note = 40;", "field note has type Other", types));
  check(field("a repeated field", "repeated string note = 40;", "repeated string", types));
  check(field("another map", "map<string, int32> note = 40;", "map<string, int32>", types));
  check(field("an integer in the payload", "uint64 note = 40;", "double"));
  check(field("a second event type", "JobEventType note = 40;", "event_type"));
  check(field("a name in camelCase", "string workerNote = 40;", "snake_case"));
  check(field("a name that all objects have", "string to_string = 40;", "another name"));
  check({
    what: "a name twice",
    from: "  // The labels.\n",
    to: "  // The labels.\n  string message = 40;\n",
    at: "message = 40",
    says: ["field message", "second time", "once"],
  });
  check({ what: "a number twice", from: "tags = 7", to: "tags = 5", says: ["number 5", "once"] });
  for (
    const [option, says] of [
      ["deprecated = true", "(naq.unit), (naq.required), (naq.payload), (naq.token), (naq.max)"],
      ["(naq.other) = true", "(naq.unit)"],
      ["(other.unit) = true", "(naq.unit)"],
      [`(naq.token) = "yes"`, "a bool"],
      ["(naq.unit) = 5", "a string"],
      [`(naq.max) = "five"`, "a double"],
      ["(naq.max) = 5", "double fields"],
      [`(naq.unit) = "s"`, "number fields"],
      [`(naq.max_hint) = "ms"`, "fields with (naq.max)"],
      ["(naq.required) = true", "job_id, event_type, timestamp"],
      ["(naq.header) = true", "(naq.payload) = false"],
      ["(naq.token) = true, (naq.token) = true", "each option once"],
    ] as const
  ) {
    check(field(`the option ${option}`, `string note = 40 [${option}];`, says));
  }
  check(
    field("a token that is no string", "double note = 40 [(naq.token) = true];", "string fields"),
  );
  check({
    what: "a missing comment of a field",
    from: FIELD,
    to: "",
    at: "string message",
    says: ["a comment is missing", "a comment above each declaration"],
  });
  for (const name of ["job_id", "event_type", "timestamp", "message"]) {
    check({
      what: `a schema without ${name}`,
      from: ` ${name} =`,
      to: ` other_${name} =`,
      at: "message JobEvent",
      says: [`the field ${name} is missing`],
    });
  }
});

describe("subjects that the generator does not know", () => {
  check(
    subject("an option of a subject", `{ name: "x", nam: "y" }`, "nam", "(naq.subject).detail"),
  );
  check(subject("a value of a subject", `{ name: 5 }`, "has value 5", "a string"));
  check(subject("a subject without a name", `{ field: "worker_id" }`, "snake_case"));
  check(subject("a name with a dot", `{ name: "a.b" }`, "snake_case"));
  check(subject("a name twice", `{ name: "worker" }`, "second time", "each name once"));
  check(subject("a field that is no token", `{ name: "x", field: "message" }`, "worker_id"));
  check(subject("a field that is not there", `{ name: "x", field: "other" }`, "worker_id"));
  check(subject("a field and a detail", `{ name: "x", field: "worker_id", detail: "y" }`, "none"));
});

describe("event types that the generator does not know", () => {
  const ok = `message: "x"`;
  check({
    ...event("an option of an event", `other: "x", ${ok}`),
    says: ["(naq.event).other", "(naq.event).takes, (naq.event).message, (naq.event).context"],
  });
  check({ ...event("a message twice", `${ok}, ${ok}`), says: ["option message", "once"] });
  check(event("an unknown field", `takes: "worker", ${ok}`, `"worker"`, "worker_id"));
  check(event("a field that is not in the payload", `takes: "nats_sequence", ${ok}`, "worker_id"));
  for (const name of ["job_id", "event_type", "timestamp", "message", "details"]) {
    check(event(`${name} as an argument`, `takes: "${name}", ${ok}`, `"${name}" is not known`));
  }
  check(event("an argument twice", `takes: "worker_id, worker_id", ${ok}`, "taken twice"));
  check(event("an error and its fields", `takes: "error, error_type", ${ok}`, "error fills"));
  check(event("a type of a detail", `takes: "details.n: boolean", ${ok}`, "details.n: boolean"));
  check(event("a detail in camelCase", `takes: "details.aB: number", ${ok}`, "snake_case"));
  check(event("a detail named job_id", `takes: "details.job_id: string", ${ok}`, "no field has"));
  check(event("an option named as a field", `takes: "details.tags?: string", ${ok}`, "no field"));
  check(event("an argument after an option", `takes: "details.a?: string, error", ${ok}`, "last"));
  check(event("a default that does not fit", `takes: "details.n: number = x", ${ok}`, "a number"));
  check(
    event("a default of a list", `takes: "details.n: string[] = a", ${ok}`, "a number, or text"),
  );
  check(event("a default and a mark", `takes: "details.n?: number = 1", ${ok}`, "one of both"));
  check(event("a missing message", `takes: "error"`, "the message is missing"));
  check(
    event("an unknown placeholder", `takes: "error", message: "{other}"`, "{other}", "{error}"),
  );
  check(event("a lone brace", `takes: "error", message: "a } b"`, "lone brace"));
  check(event("an open brace", `takes: "error", message: "a {error"`, "lone brace"));
  check(event("an unknown format", `takes: "error", message: "{error:x}"`, ".2f, count, time"));
  check(
    event(
      "a format that does not fit",
      `takes: "worker_id", message: "{worker_id:.2f}"`,
      "no format",
    ),
  );
  check(event(
    "a placeholder of an option",
    `takes: "details.reason?: string", message: "{reason}"`,
    "may be absent",
    "options with a default",
  ));
  check({
    what: "an unknown context",
    from: `context: "retry"`,
    to: `context: "rety"`,
    says: [`context "rety"`, "worker, lifecycle, retry"],
  });
  check({
    what: "a value without an event",
    from: ' [(naq.event) = { takes: "details.reason?: string", message: "Cancelled", ' +
      'context: "lifecycle" }]',
    to: "",
    at: "CANCELLED = 3",
    says: ["value CANCELLED has no option (naq.event)"],
  });
  check({
    what: "an event of the value 0",
    from: "UNSPECIFIED = 0;",
    to: `UNSPECIFIED = 0 [(naq.event) = { message: "x" }];`,
    says: ["value UNSPECIFIED"],
  });
  check({ what: "a value in lower case", from: "STARTED", to: "Started", says: ["UPPER_CASE"] });
  check({ what: "a factory named create", from: "STARTED", to: "CREATE", says: ["create"] });
  check({ what: "a value's number twice", from: "FAILED = 2", to: "FAILED = 1", says: ["once"] });
  check({ what: "a value's name twice", from: "FAILED = 2", to: "STARTED = 2", says: ["once"] });
  check({
    what: "a missing comment of a value",
    from: LAST,
    to: "",
    at: "CANCELLED",
    says: ["a comment above each declaration"],
  });
  check({
    what: "a missing comment of the enum",
    from: "// A type.\n",
    to: "",
    at: "enum JobEventType",
    says: ["a comment above each declaration"],
  });
  check({
    what: "an enum without the value 0",
    from: "  // None.\n  UNSPECIFIED = 0;\n",
    to: "",
    at: "enum JobEventType",
    says: ["value 0"],
  });
});

describe("generate() names the line", () => {
  it("also below comments and texts that look like declarations", () => {
    const decoy = `  /* string note = 40;\n   int32 note = 40; */\n  // int32 note = 40;\n`;
    const text = edit(TINY, FIELD, `${decoy}  // New.\n  bytes note = 41;\n${FIELD}`);
    const line = lineOf(text, "bytes note");
    assert.throws(() => generated(text), {
      message: new RegExp(`^tiny.proto:${line}: field note`),
    });
  });

  it("of a declaration that takes several lines", () => {
    const text = edit(TINY, "string message = 5;", "string message = 5 [\n    (naq.max) = 1\n];");
    const line = lineOf(text, "message = 5 [");
    assert.throws(() => generated(text), {
      message: new RegExp(`^tiny.proto:${line}: field mess`),
    });
  });

  it("of options.proto when that is what is wrong", () => {
    const options = { name: "options.proto", text: `syntax = "proto3";\npackage naq;\nmessage {}` };
    const tiny = { name: "tiny.proto", text: TINY };
    assert.throws(() => generate(tiny, options), { message: /^options\.proto:3: / });
  });

  it("1 for a schema with nothing in it", () => {
    assert.throws(() => generated(""), {
      name: "SchemaError",
      message: `tiny.proto:1: the syntax is missing; allowed: syntax = "proto3"`,
    });
  });
});
