/** The generator as a function from the schema's text to the files' texts. */

import { printDecode } from "./print_decode.ts";
import { printEncode } from "./print_encode.ts";
import { printFactories } from "./print_factories.ts";
import { printLogMethods } from "./print_log_methods.ts";
import { printSubjects } from "./print_subjects.ts";
import { printTypes } from "./print_types.ts";
import { printValidate } from "./print_validate.ts";
import { parseSchema, type SchemaFile } from "./schema.ts";

/**
 * Generates the files of `src/gen`.
 *
 * @returns The text of each file by its name, in the order of the names.
 * @throws {SchemaError} Something in the schema is not known.
 */
export function generate(schemaFile: SchemaFile, optionsFile: SchemaFile): Map<string, string> {
  const schema = parseSchema(schemaFile, optionsFile);
  return new Map([
    ["decode.ts", printDecode(schema)],
    ["encode.ts", printEncode(schema)],
    ["factories.ts", printFactories(schema)],
    ["log_methods.ts", printLogMethods(schema)],
    ["subjects.ts", printSubjects(schema)],
    ["types.ts", printTypes(schema)],
    ["validate.ts", printValidate(schema)],
  ]);
}
