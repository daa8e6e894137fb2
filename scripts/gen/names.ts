/** Names in the printed code. */

const TAKEN: ReadonlySet<string> = new Set([
  // The words of the language that cannot name a variable.
  ..."arguments await break case catch class const continue debugger default delete do else enum"
    .split(" "),
  ..."eval export extends false finally for function if implements import in instanceof interface"
    .split(" "),
  ..."let new null package private protected public return static super switch this throw true try"
    .split(" "),
  ..."typeof undefined var void while with yield NaN Infinity".split(" "),
  // What the printed functions name themselves, or import.
  ..."at bound bytes count event index left options out reader size view".split(" "),
  ..."applyExtras checkArgument checkKeys create errorMessage errorType fixed hasMembers".split(
    " ",
  ),
  ..."measureStringMap mergeDetails now packDynamic stringBound time validated".split(" "),
  ..."writeDouble writeString writeStringMap writeType".split(" "),
]);

/** A name for a variable: with `_` behind it where the printed code needs the name for itself. */
export function localName(name: string): string {
  return TAKEN.has(name) ? `${name}_` : name;
}

/** `retry_scheduled` as `retryScheduled`. */
export function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** `retry_scheduled` as `RetryScheduled`. */
export function pascal(name: string): string {
  return camel(`_${name}`);
}
