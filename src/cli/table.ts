/** Tables of a terminal, without lines. */

import Table from "cli-table3";
import type { CommandContext } from "./context.ts";

const NO_LINES = {
  ...{ top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "" },
  ...{ "bottom-left": "", "bottom-right": "", left: "", "left-mid": "", mid: "", "mid-mid": "" },
  ...{ right: "", "right-mid": "", middle: "  " },
};

/** A column: its title, and where its cells stand. */
export type Column = string | { readonly title: string; readonly align: "right" };

/** A column of numbers. */
export function right(title: string): Column {
  return { title, align: "right" };
}

/** The text of a table. Cells are shown as they are: texts of others go through `shown` first. */
export function table(
  context: CommandContext,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const made = new Table({
    chars: NO_LINES,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
    head: columns.map((column) => context.paint("bold", titleOf(column))),
    colAligns: columns.map((column) => typeof column === "string" ? "left" : column.align),
  });
  for (const row of rows) made.push([...row]);
  return made.toString().split("\n").map((line) => line.trimEnd()).join("\n");
}

function titleOf(column: Column): string {
  return typeof column === "string" ? column : column.title;
}
