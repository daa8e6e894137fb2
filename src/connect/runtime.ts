/** Which runtime this is. */

/** Whether this is Deno. Asked in the one way that is the same everywhere: no runtime has all of
 * the others' globals. */
export function isDeno(): boolean {
  return globalThis.navigator?.userAgent?.startsWith("Deno/") ?? false;
}
