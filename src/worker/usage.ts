/** What an execution takes of the process, where the runtime tells. */

/** The part of `process` that is needed here; Deno, Bun and Node have it. */
interface Meter {
  cpuUsage?(): { readonly user: number; readonly system: number };
  memoryUsage?(): { readonly heapUsed: number; readonly external: number };
}

const MIB = 1024 ** 2;
/** Looking at the memory takes longer than a small task: what was seen a moment ago will do. */
const MEMORY_AGE_MS = 10;

/** What was taken, as events have it; absent where the runtime does not tell. */
export interface Usage {
  readonly cpuTimeMs?: number;
  readonly memoryMb?: number;
}

/** Measures executions. What else the process does meanwhile counts, too. */
export class UsageMeter {
  readonly #process: Meter | undefined = (globalThis as { process?: Meter }).process;
  #memoryBytes: number | undefined;
  #memorySeenAt = -Infinity;

  /** Begins to measure; the returned function gives what was taken since. */
  begin(): () => Usage {
    const cpu = this.#cpuMs();
    const memory = this.#memory();
    return () => {
      const [cpuNow, memoryNow] = [this.#cpuMs(), this.#memory()];
      return {
        ...(cpu === undefined || cpuNow === undefined ? {} : { cpuTimeMs: cpuNow - cpu }),
        ...(memory === undefined || memoryNow === undefined
          ? {}
          : { memoryMb: Math.max(memoryNow - memory, 0) / MIB }),
      };
    };
  }

  #cpuMs(): number | undefined {
    const usage = this.#process?.cpuUsage?.();
    return usage === undefined ? undefined : (usage.user + usage.system) / 1000;
  }

  #memory(): number | undefined {
    const now = performance.now();
    if (now - this.#memorySeenAt < MEMORY_AGE_MS) return this.#memoryBytes;
    const usage = this.#process?.memoryUsage?.();
    this.#memorySeenAt = now;
    this.#memoryBytes = usage === undefined ? undefined : usage.heapUsed + usage.external;
    return this.#memoryBytes;
  }
}
