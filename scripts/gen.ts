/** `deno task gen`: writes `src/gen` from the schema; `--check` compares and writes nothing. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { generate } from "./gen/generate.ts";
import type { SchemaFile } from "./gen/schema.ts";

const HELP = `Generates the event model from schema/job_event.proto.

Usage: deno task gen [--check] [--schema FILE] [--out DIRECTORY]

  --check           compare with what is there, write nothing, fail when a byte differs
  --schema FILE     another schema             (default: schema/job_event.proto)
  --out DIRECTORY   another place for the files (default: src/gen)
  --help            this text
`;

const root = fileURLToPath(new URL("../", import.meta.url));

function read(path: string, name: string): SchemaFile {
  return { name, text: readFileSync(path, "utf8") };
}

/** What is in the directory: the text of each file by its name. */
function current(directory: string): Map<string, string | undefined> {
  const files = new Map<string, string | undefined>();
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = `${directory}/${entry.name}`;
      files.set(entry.name, entry.isFile() ? readFileSync(path, "utf8") : undefined);
    }
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
  return files;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean", default: false },
      schema: { type: "string", default: `${root}schema/job_event.proto` },
      out: { type: "string", default: `${root}src/gen` },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const files = generate(
    read(values.schema, values.schema.replace(root, "")),
    read(`${root}schema/naq/options.proto`, "schema/naq/options.proto"),
  );
  const before = current(values.out);
  const stale = [...files].filter(([name, text]) => before.get(name) !== text).map(([name]) =>
    name
  );
  const extra = [...before.keys()].filter((name) => !files.has(name));
  if (values.check) {
    if (stale.length + extra.length === 0) return console.log(`${files.size} files are up to date`);
    console.error(`Not what the schema gives: ${[...stale, ...extra].join(", ")}`);
    console.error("Run `deno task gen` and commit what it writes.");
    process.exitCode = 1;
    return;
  }
  mkdirSync(values.out, { recursive: true });
  for (const name of extra) rmSync(`${values.out}/${name}`, { recursive: true });
  for (const name of stale) writeFileSync(`${values.out}/${name}`, files.get(name)!);
  console.log(`${files.size} files generated, ${stale.length + extra.length} changed`);
}

try {
  main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
