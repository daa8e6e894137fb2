/** Four programs that log, beside a fault; then a look at what the stream has. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { openStorage, type OpenStorageOptions } from "../../src/open.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import { findRuntime, ROOT, type RuntimeName } from "../runtimes.ts";
import { checkStream, type MayBeMissing } from "./check.ts";
import type { ProducerReport } from "./producer.ts";

/** Where the producers send their events. */
export interface Target {
  /** For those over TCP, several with commas between them. */
  readonly url: string;
  /** For the one over WebSocket. */
  readonly wsUrl: string;
}

/** A fault, and the server that it happens to. */
export interface Fault extends AsyncDisposable {
  readonly target: Target;
  readonly storage?: OpenStorageOptions;
  readonly mayBeMissing?: MayBeMissing;
  /** Does its harm until the signal says that the producers are done, or until it is done itself.
   * Whatever it harmed works again when it resolves. */
  harm(context: FaultContext): Promise<void>;
}

/** What a fault has to do its harm. */
export interface FaultContext {
  readonly storage: JobEventStorage;
  /** Random numbers from 0 to 1, by the seed. */
  readonly random: () => number;
  readonly done: AbortSignal;
  /** Waits, or until the producers are done. */
  pause(ms: number): Promise<void>;
  /** Says what happens. */
  log(text: string): void;
}

/** What came of a run. */
export interface FaultResult {
  readonly reports: readonly (ProducerReport & { readonly name: string })[];
  readonly problems: readonly string[];
  readonly seconds: number;
}

const PRODUCERS: readonly { readonly name: string; readonly runtime: RuntimeName }[] = [
  { name: "deno", runtime: "deno" },
  { name: "bun", runtime: "bun" },
  { name: "node", runtime: "node" },
  { name: "node-ws", runtime: "node" },
];
const JOBS = 10;

/** Room for what the longest run stores. */
const STREAM = { maxBytes: 512 * 1024 ** 2 };

/**
 * Runs the producers beside a fault, and checks the stream.
 *
 * @param events How many events all producers log together.
 */
export async function runFault(
  fault: Fault,
  events: number,
  random: () => number,
  log: (text: string) => void,
): Promise<FaultResult> {
  const begin = performance.now();
  const options = fault.storage ?? { nats: { stream: STREAM } };
  const first = fault.target.url.split(",")[0]!;
  await using storage = await openStorage(first, options);
  const done = new AbortController();
  const each = Math.floor(events / PRODUCERS.length);
  const producers = PRODUCERS.map(({ name, runtime }) =>
    startProducer(fault.target, name, runtime, each)
  );
  const producing = Promise.all(producers.map(({ report }) => report));
  await Promise.race([producing, Promise.all(producers.map(({ connected }) => connected))]);
  const harming = fault.harm({ storage, random, done: done.signal, log, pause: pauser(done) });
  const reports = await producing.finally(() => {
    done.abort();
    return harming;
  });
  const problems: string[] = [];
  for (const { name, accepted, undelivered, dropped } of reports) {
    if (accepted !== each) problems.push(`${name} accepted ${accepted} of ${each} events`);
    if (undelivered + dropped > 0) {
      problems.push(`${name} gave up ${undelivered + dropped} events`);
    }
  }
  problems.push(...await checkStream(storage, reports, fault.mayBeMissing));
  return { reports, problems, seconds: (performance.now() - begin) / 1000 };
}

function pauser(done: AbortController): (ms: number) => Promise<void> {
  return (ms) =>
    new Promise((resolve) => {
      if (done.signal.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        done.signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      done.signal.addEventListener("abort", end);
    });
}

/** A program that runs. */
interface Producer {
  /** Resolves when it has begun to log. */
  readonly connected: Promise<void>;
  readonly report: Promise<ProducerReport & { readonly name: string }>;
}

function startProducer(
  target: Target,
  name: string,
  runtime: RuntimeName,
  events: number,
): Producer {
  const flags = runtime === "deno" ? ["run", "-A", "--quiet"] : [];
  const url = name.endsWith("-ws") ? target.wsUrl : target.url;
  const script = `${ROOT}scripts/faults/producer.ts`;
  const child = spawn(
    findRuntime(runtime).path,
    [...flags, script, url, name, String(events), String(JOBS)],
    { stdio: ["ignore", "pipe", "inherit"], cwd: ROOT },
  );
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  const lines: string[] = [];
  const { promise: connected, resolve } = Promise.withResolvers<void>();
  createInterface({ input: child.stdout! }).on("line", (line) => {
    lines.push(line);
    resolve();
  });
  const report = once(child, "close").then(([code]) => {
    process.removeListener("exit", kill);
    if (code !== 0) throw new Error(`The producer ${name} ended with ${code}`);
    return { name, ...JSON.parse(lines.at(-1)!) as ProducerReport };
  });
  return { connected, report };
}
