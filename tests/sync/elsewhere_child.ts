/** Loads the blocking twins where a thread cannot wait for another one, as far as it can tell. */

import { writeSync } from "node:fs";

const write = (line: string) => writeSync(1, `${line}\n`);
const { openBackendSync, openStorageSync } = await import("../../src/sync/mod.ts");
const { wait } = Atomics;

/** What opening a storage and opening a backend say. */
function attempt(): void {
  for (const open of [openStorageSync, () => openBackendSync({ tasks: "memory:" })]) {
    try {
      open("memory:");
      write("opened");
    } catch (error) {
      const { code, message } = error as Error & { code: string };
      write(`${code} ${/use (openStorage|openBackend)/.exec(message)?.[0]}`);
    }
  }
}

// The main thread of a browser.
Atomics.wait = () => {
  throw new TypeError("Atomics.wait cannot be called in this context");
};
attempt();
Atomics.wait = wait;

// A page that is not isolated, and a function at the edge.
const { SharedArrayBuffer } = globalThis;
Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
attempt();
Object.assign(globalThis, { SharedArrayBuffer });

// A runtime without threads.
process.getBuiltinModule = (() => undefined) as typeof process.getBuiltinModule;
attempt();
