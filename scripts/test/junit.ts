/**
 * Reads the JUnit reports of `deno test`, `bun test` and `node --test`. It is the one format that
 * all three write; they differ in what they make of suites, which is evened out here.
 */

/** One test of a report. */
export interface TestCase {
  /** Its name, after the names of the suites around it. */
  readonly name: string;
  /** How it ended. */
  readonly status: "passed" | "failed" | "skipped";
  /** Why it was skipped, if the runtime says so. */
  readonly reason?: string;
}

interface Tag {
  readonly name: string;
  readonly kind: "open" | "close" | "empty";
  readonly attributes: Readonly<Record<string, string>>;
}

interface Entry {
  readonly name: string;
  status: TestCase["status"];
  reason?: string;
  /** It failed for no other reason than that a test inside it failed. */
  failedByChild: boolean;
}

const SEPARATOR = " > ";

// Node escapes quotes twice, so the ampersand comes first here.
const ENTITIES: readonly (readonly [RegExp, string])[] = [
  [/&amp;/g, "&"],
  [/&#10;/g, "\n"],
  [/&lt;/g, "<"],
  [/&gt;/g, ">"],
  [/&quot;/g, '"'],
  [/&apos;/g, "'"],
];

function unescape(text: string): string {
  return ENTITIES.reduce((result, [entity, character]) => result.replace(entity, character), text);
}

function* tags(xml: string): Generator<Tag> {
  // Comments and the text of failures can hold anything but a raw "<" that begins such a tag.
  const pattern = /<(\/?)(testsuite|testcase|failure|error|skipped)\b((?:[^>"]|"[^"]*")*?)(\/?)>/g;
  for (const [, slash, name = "", inner = "", empty] of xml.matchAll(pattern)) {
    const attributes: Record<string, string> = {};
    for (const [, key = "", value = ""] of inner.matchAll(/([\w-]+)="([^"]*)"/g)) {
      attributes[key] = unescape(value);
    }
    yield { name, kind: slash ? "close" : empty ? "empty" : "open", attributes };
  }
}

function mark(entry: Entry, tag: Tag): void {
  const message = tag.attributes["message"];
  if (tag.name === "skipped") {
    entry.status = "skipped";
    // This is what Node and Bun say where the test gives no reason.
    if (message && !/^(true|todo)$/i.test(message)) entry.reason = message;
    return;
  }
  entry.status = "failed";
  entry.failedByChild = /^\d+ (test steps?|subtests?) failed/.test(message ?? "");
}

function entries(xml: string): Entry[] {
  const result: Entry[] = [];
  const suites: string[] = [];
  for (const tag of tags(xml)) {
    const { name = "" } = tag.attributes;
    if (tag.name === "testsuite") {
      if (tag.kind === "open") suites.push(name);
      else if (tag.kind === "close") suites.pop();
    } else if (tag.name === "testcase") {
      if (tag.kind === "close") continue;
      const inside = suites.filter((suite) => !isFile(suite));
      result.push({
        name: [...inside, name].join(SEPARATOR),
        status: "passed",
        failedByChild: false,
      });
    } else if (tag.kind !== "close") {
      const last = result.at(-1);
      if (last !== undefined) mark(last, tag);
    }
  }
  return result;
}

/** Bun and Deno have a suite for each file, which is no part of a test's name. */
function isFile(suite: string): boolean {
  return suite.startsWith("ext:") || suite.endsWith("_test.ts") || /^\.\/.*\.ts$/.test(suite);
}

/** The names of all tests that hold others: Deno lists them like tests. */
function parents(all: readonly Entry[]): Set<string> {
  const names = new Set<string>();
  for (const { name } of all) {
    let end = name.lastIndexOf(SEPARATOR);
    while (end > 0) {
      names.add(name.slice(0, end));
      end = name.lastIndexOf(SEPARATOR, end - 1);
    }
  }
  return names;
}

/** The tests of a report; suites and files are not tests, unless they failed by themselves. */
export function readJUnit(xml: string): TestCase[] {
  const all = entries(xml);
  const groups = parents(all);
  const isGroup = (entry: Entry) =>
    groups.has(entry.name) && (entry.status !== "failed" || entry.failedByChild);
  // Node reports a file without tests, or one that cannot be loaded, as a test of that name.
  const isLoadedFile = (entry: Entry) => isFile(entry.name) && entry.status === "passed";
  return all
    .filter((entry) => !isGroup(entry) && !isLoadedFile(entry))
    .map(({ name, status, reason }) =>
      reason === undefined ? { name, status } : { name, status, reason }
    );
}
