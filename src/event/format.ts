/** How the factories' messages show their arguments. None of these throws: bad input gets its error
 * from the validation that follows, with the field's name. */

/** A number with two decimals. */
export function fixed(value: number): string {
  return typeof value === "number" ? value.toFixed(2) : String(value);
}

/** The length of a list. */
export function count(value: readonly unknown[]): string {
  return Array.isArray(value) ? String(value.length) : "?";
}

/** Seconds since the Unix epoch as an ISO 8601 time. */
export function time(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
}

/** The class of any thrown value: its `name`, else the name of its constructor or type. */
export function errorType(error: unknown): string {
  if (typeof error !== "object" || error === null) return typeof error;
  return textOf(() => (error as Thrown).name) ||
    textOf(() => (error as Thrown).constructor?.name) ||
    "Object";
}

/** The message of any thrown value. */
export function errorMessage(error: unknown): string {
  const isObject = typeof error === "object" && error !== null;
  const message = isObject ? textOf(() => (error as Thrown).message) : undefined;
  return message ?? textOf(() => String(error)) ?? "An error without a message";
}

/** What may be read from an object that was thrown. */
interface Thrown {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly constructor?: { readonly name?: unknown };
}

/** Reads a text, if it is one. Anything can be thrown, also an object whose getters throw. */
function textOf(read: () => unknown): string | undefined {
  try {
    const value = read();
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
