/** Workers on mixed runtimes that are killed one after the other, beside a server that is, too. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { openBackend, type TaskBackend } from "../../src/backend/mod.ts";
import { openStorage } from "../../src/open.ts";
import { type NatsServer, startNatsServer } from "../nats_server.ts";
import { findRuntime, ROOT, type RuntimeName } from "../runtimes.ts";
import { checkSoak, type Findings } from "./check.ts";

/** How long and how hard a run is. */
export interface SoakOptions {
  readonly tasks: number;
  readonly workers: number;
  /** The time between two kills of a worker, in milliseconds. */
  readonly killEveryMs: number;
  /** How many workers are killed at the most. @default no limit */
  readonly maxKills?: number;
  /** How often the server is killed and started anew. */
  readonly restarts: number;
  /** Random numbers from 0 to 1. */
  readonly random: () => number;
  readonly log: (text: string) => void;
}

/** What came of a run. */
export interface SoakResult extends Findings {
  readonly kills: number;
  readonly seconds: number;
}

const RUNTIMES: readonly RuntimeName[] = ["deno", "bun", "node"];
const LEASE_MS = 2000;
const BATCH = 500;
const EVENTS = { nats: { stream: { maxBytes: 2 ** 28 } } } as const;
const CONNECT = { reconnectWaitMs: 50, reconnectJitterMs: 50 } as const;
/** Longer than any run should take. */
const PATIENCE_MS = 600_000;

/** Runs tasks to their end, and checks what is left. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const begin = performance.now();
  const directory = await mkdtemp(join(tmpdir(), "naq-soak-"));
  const server = await startNatsServer();
  const crowd = new Crowd(server.url, directory, options);
  try {
    const at = { tasks: server.url, events: server.url };
    const logger = { onError: () => {} };
    const config = { events: EVENTS, connect: CONNECT, tasks: { leaseMs: LEASE_MS }, logger };
    await using backend = await openBackend(at, config);
    crowd.start();
    const [ids] = await Promise.all([
      runTasks(backend, options.tasks),
      harm(server, backend, options),
    ]);
    await untilNothingRuns(backend);
    await crowd.stop();
    await backend.logger?.stop();
    await using storage = await openStorage(server.url);
    const findings = checkSoak({
      ids,
      tasks: await backend.tasks.listTasks(),
      results: await backend.results.list(),
      events: await storage.listEvents(),
      leaseMs: LEASE_MS,
      killed: crowd.killed,
    });
    const seconds = (performance.now() - begin) / 1000;
    return { ...findings, kills: crowd.killed.size, seconds };
  } finally {
    await crowd.kill();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Enqueues the tasks, and waits until each has its result. */
async function runTasks(backend: TaskBackend, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < count; start += BATCH) {
    const length = Math.min(BATCH, count - start);
    const tasks = Array.from({ length }, (_, index) => ({
      id: `task-${start + index}`,
      functionName: "double",
      args: start + index,
      // A worker that is killed has begun ten of them.
      maxRetries: 1000,
    }));
    ids.push(...await backend.enqueueMany(tasks));
  }
  await Promise.all(ids.map((id) => backend.waitForResult(id, { timeoutMs: PATIENCE_MS })));
  return ids;
}

/** Kills the server when a part of the tasks is done, and starts it again. */
async function harm(server: NatsServer, backend: TaskBackend, options: SoakOptions): Promise<void> {
  const { tasks, restarts, log } = options;
  for (let count = 1; count <= restarts; count++) {
    const id = `task-${Math.floor(tasks * count / (restarts + 1))}`;
    await backend.waitForResult(id, { timeoutMs: PATIENCE_MS });
    await server.kill("SIGKILL");
    await server.restart();
    log(`the server was killed and started again when ${id} was done`);
  }
}

async function untilNothingRuns(backend: TaskBackend): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (await backend.tasks.countTasks({ state: ["pending", "running"] }) > 0) {
    if (Date.now() > deadline) throw new Error("Some tasks never end");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** A worker that runs. */
interface Member {
  readonly name: string;
  readonly child: ChildProcess;
  /** Resolves when it takes tasks, or has ended. */
  readonly ready: Promise<void>;
  /** Resolves with its exit code. */
  readonly over: Promise<number | null>;
  isReady: boolean;
}

/** The workers: killed one after the other, each followed by another one on the same runtime. */
class Crowd {
  /** The ids of those that were killed. */
  readonly killed = new Set<string>();
  readonly #url: string;
  readonly #directory: string;
  readonly #options: SoakOptions;
  readonly #children = new Map<number, Member>();
  readonly #onExit = (): void => this.#killAll();
  #timer: ReturnType<typeof setInterval> | undefined;
  #count = 0;
  #failure: Error | undefined;

  constructor(url: string, directory: string, options: SoakOptions) {
    this.#url = url;
    this.#directory = directory;
    this.#options = options;
  }

  start(): void {
    process.once("exit", this.#onExit);
    for (let slot = 0; slot < this.#options.workers; slot++) this.#spawn(slot);
    this.#timer = setInterval(() => this.#killOne(), this.#options.killEveryMs);
  }

  /** Tells all to end, and waits until they have. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (let slot = 0; slot < this.#options.workers; slot++) await this.#end(slot);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #end(slot: number): Promise<void> {
    let member = this.#children.get(slot)!;
    if (this.killed.has(member.name)) {
      await member.over;
      member = this.#children.get(slot)!;
    }
    // It also delivers what its predecessor could not.
    await member.ready;
    // Deno takes a child for ended by the signal that `child.kill` sends, however it ends.
    process.kill(member.child.pid!, "SIGTERM");
    const code = await member.over;
    if (code !== 0) throw new Error(`${member.name} ended with ${code}`);
  }

  /** Ends all at once. */
  async kill(): Promise<void> {
    clearInterval(this.#timer);
    process.removeListener("exit", this.#onExit);
    this.#killAll();
    await Promise.all([...this.#children.values()].map(({ over }) => over));
  }

  #killAll(): void {
    for (const { child } of this.#children.values()) child.kill("SIGKILL");
  }

  #killOne(): void {
    // One that has not begun yet has nothing to lose.
    const ready = [...this.#children].filter(([, { name, isReady }]) =>
      isReady && !this.killed.has(name)
    );
    if (this.killed.size >= (this.#options.maxKills ?? Infinity)) return;
    const chosen = ready[Math.floor(this.#options.random() * ready.length)];
    if (chosen === undefined) return;
    const [slot, { name, child }] = chosen;
    this.killed.add(name);
    // Before whoever waits for its end.
    child.prependOnceListener("exit", () => this.#spawn(slot));
    child.kill("SIGKILL");
  }

  #spawn(slot: number): void {
    const runtime = RUNTIMES[slot % RUNTIMES.length]!;
    const name = `${runtime}-${slot}-${++this.#count}`;
    const flags = runtime === "deno" ? ["run", "-A", "--quiet"] : [];
    const script = join(ROOT, "scripts", "soak", "worker.ts");
    const spool = join(this.#directory, `${slot}.sqlite`);
    const args = [...flags, script, this.#url, name, spool, String(LEASE_MS)];
    const child = spawn(findRuntime(runtime).path, args, {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: ROOT,
    });
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const over = once(child, "exit").then(([code]) => code as number | null);
    const member: Member = { name, child, ready, over, isReady: false };
    child.stdout!.once("data", () => {
      member.isReady = true;
      resolve();
    });
    child.once("exit", (code) => {
      resolve();
      if (code !== null && code !== 0) this.#failure = new Error(`${name} ended with ${code}`);
    });
    this.#children.set(slot, member);
  }
}
