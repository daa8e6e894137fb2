/** The custom options: which there are is read from options.proto itself. */

import protobuf from "protobufjs";
import type { SchemaFile } from "./schema.ts";
import { SchemaError } from "./schema_error.ts";

/** For each extended message ("FieldOptions", …) the option paths and the type of each. */
export type OptionTable = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Lists the options that options.proto declares. */
export function declaredOptions(root: protobuf.Root, file: SchemaFile): OptionTable {
  const table = new Map<string, Map<string, string>>();
  const namespace = root.lookup("naq");
  if (!(namespace instanceof protobuf.Namespace)) {
    throw new SchemaError(file.name, 1, "package naq is missing", "package naq");
  }
  for (const item of namespace.nestedArray) {
    if (!(item instanceof protobuf.Field) || item.extend === undefined) continue;
    const target = item.extend.replace(/^.*\./, "");
    const paths = table.get(target) ?? new Map<string, string>();
    table.set(target, paths);
    const type = namespace.get(item.type);
    if (type instanceof protobuf.Type) {
      for (const field of type.fieldsArray) paths.set(`${item.name}.${field.name}`, field.type);
    } else {
      paths.set(item.name, item.type);
    }
  }
  return table;
}

/**
 * Checks what a declaration sets against the table.
 *
 * @param set As protobufjs gives it: `{ "(naq.event).takes": "…" }`.
 * @returns The values by path without the wrapping: `{ "event.takes": "…" }`.
 */
export function readOptions(
  file: SchemaFile,
  line: number,
  target: string,
  set: Readonly<Record<string, unknown>> | undefined,
  table: OptionTable,
): Readonly<Record<string, unknown>> {
  const known = table.get(target) ?? new Map<string, string>();
  const values: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(set ?? {})) {
    const path = /^\(naq\.(\w+)\)((?:\.\w+)?)$/.exec(option);
    const name = path === null ? option : `${path[1]}${path[2]}`;
    const type = path === null ? undefined : known.get(name);
    if (type === undefined) {
      const allowed = [...known.keys()].map((key) => `(naq.${key.replace(/(\.|$)/, ")$1")}`);
      throw new SchemaError(
        file.name,
        line,
        `option ${option} is not known`,
        allowed.join(", "),
      );
    }
    const expected = type === "bool" ? "boolean" : type === "double" ? "number" : "string";
    const actual: string = typeof value;
    if (actual !== expected) {
      throw new SchemaError(file.name, line, `option ${option} has value ${value}`, `a ${type}`);
    }
    values[name] = value;
  }
  return values;
}
