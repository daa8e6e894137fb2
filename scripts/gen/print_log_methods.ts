/** Prints `src/gen/log_methods.ts`: the logger's method for each event type. */

import { parameters } from "./print_factories.ts";
import { Printer, withArticle } from "./printer.ts";
import type { Schema } from "./schema.ts";

/** Prints the file. */
export function printLogMethods(schema: Schema): string {
  const p = new Printer(schema, "The logger's method for each event type.");
  p.line("import {");
  for (const key of schema.types.map((type) => type.key).sort()) p.line(`  build${key},`);
  p.line(`} from "./factories.ts";`);
  p.line(`import type { JobEvent, JobEventExtras } from "./types.ts";`);
  p.line();
  p.doc("", "What a logger can do beside `logEvent`: one method for each event type.");
  p.line("export abstract class JobEventLogMethods {");
  p.doc("  ", "Logs an event. Never waits, never throws.");
  p.line("  abstract logEvent(event: JobEvent): boolean;");
  p.line();
  p.doc("  ", "Reports arguments that no event can be built from; gives what the call gives.");
  p.line("  protected abstract refuse(error: unknown): boolean;");
  for (const type of schema.types) {
    p.line();
    p.doc(
      "  ",
      `Logs ${withArticle(type.value)} event. ${type.doc}\n\n` +
        "@returns `false` when the event was refused, dropped, or came after `stop`.",
    );
    p.line(`  logJob${type.key}(`);
    const list = parameters(type);
    for (const parameter of list) p.line(`    ${parameter},`);
    p.line("  ): boolean {");
    const names = list.map((parameter) => parameter.replace(/\??:.*/s, ""));
    p.line("    try {");
    p.line(`      return this.logEvent(build${type.key}(${names.join(", ")}));`);
    p.line("    } catch (error) {");
    p.line("      return this.refuse(error);");
    p.line("    }");
    p.line("  }");
  }
  p.line("}");
  return p.toString();
}
