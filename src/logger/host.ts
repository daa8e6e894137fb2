/**
 * What the logger uses of the runtime, where the runtime has it. `./emit` runs anywhere, also where
 * there is no process, so nothing may be imported from `node:` here.
 */

/** What the logger uses of `process`, which Deno, Bun and Node have. */
export interface HostProcess {
  readonly pid: number;
  on(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
  listeners(event: string): readonly unknown[];
  kill(pid: number, signal: string): unknown;
  exit(code: number): never;
  getBuiltinModule(name: string): unknown;
}

interface Host {
  readonly process?: Partial<HostProcess>;
  readonly Deno?: unknown;
  addEventListener?(event: string, listener: () => void): void;
  removeEventListener?(event: string, listener: () => void): void;
}

const host = globalThis as unknown as Host;

/** The process; `undefined` where there is none that has events. */
export function hostProcess(): HostProcess | undefined {
  const { process } = host;
  return typeof process?.on === "function" ? process as HostProcess : undefined;
}

/** A module of Node's; `undefined` where there is no such module. */
export function builtinModule(name: string): unknown {
  return host.process?.getBuiltinModule?.(name);
}

/**
 * Calls back once when the program ends. Only what is synchronous can still be done then.
 *
 * @returns Takes the listener away.
 */
export function onExit(listener: () => void): () => void {
  let isOver = false;
  const once = (): void => {
    if (!isOver) listener();
    isOver = true;
  };
  const process = hostProcess();
  process?.on("exit", once);
  // `Deno.exit()` makes no event of the process; the other ends make both.
  if (host.Deno !== undefined) host.addEventListener?.("unload", once);
  return () => {
    process?.removeListener("exit", once);
    if (host.Deno !== undefined) host.removeEventListener?.("unload", once);
  };
}
