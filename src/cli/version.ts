/** Which version of this package it is. */

/** Where the version stands: in the source and on JSR, on npm. */
const MANIFESTS = ["deno.json", "package.json"];

/** The version of this package. */
export async function readVersion(): Promise<string> {
  for (const name of MANIFESTS) {
    const url = new URL(`../../${name}`, import.meta.url).href;
    const module = await import(url, { with: { type: "json" } }).catch(() => undefined);
    if (module !== undefined) return String(module.default.version);
  }
  return "unknown";
}
