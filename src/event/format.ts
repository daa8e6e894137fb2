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
  const { name } = error as { name?: unknown };
  if (typeof name === "string" && name !== "") return name;
  const constructorName: unknown = error.constructor?.name;
  return typeof constructorName === "string" && constructorName !== "" ? constructorName : "Object";
}

/** The message of any thrown value. */
export function errorMessage(error: unknown): string {
  if (typeof error === "object" && error !== null) {
    const { message } = error as { message?: unknown };
    if (typeof message === "string") return message;
  }
  try {
    return String(error);
  } catch {
    return "An error without a message";
  }
}
