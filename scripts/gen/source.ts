/** The text of the schema, as the checks see it. */

import type { OptionTable } from "./options.ts";
import type { SchemaFile } from "./schema.ts";
import { SchemaError } from "./schema_error.ts";
import type { Lines } from "./statements.ts";

/** What the checks need to know of the text. */
export interface Source {
  readonly file: SchemaFile;
  readonly lines: Lines;
  readonly options: OptionTable;
}

/** Fails with the line of a declaration, which `key` names as in {@linkcode Lines}. */
export function fail(source: Source, key: string, problem: string, allowed: string): never {
  throw new SchemaError(source.file.name, source.lines.get(key) ?? 1, problem, allowed);
}
