/** One nats-server process with its ports, its configuration and its store. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { type NatsConfig, natsConfigText } from "./config.ts";
import type { FoundServer } from "./find.ts";
import { type GuardedDirectory, makeGuardedDirectory, PID_FILE } from "./guardian.ts";
import { accepts, PortInUseError } from "./ports.ts";
import { poll, tail } from "./run.ts";
import type { Certificates } from "./tls.ts";
import type { NatsServer } from "./types.ts";

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;
const MONITOR_TIMEOUT_MS = 5_000;
const PAUSED_AFTER_MS = 100;

/** What to run; the paths inside the server's own directory are filled in at the start. */
export interface LaunchPlan {
  readonly found: FoundServer;
  readonly config: Omit<NatsConfig, "pidFile" | "tls" | "storeDir">;
  readonly jetStream: boolean;
  /** Kept at the end; without it the store is temporary. */
  readonly storeDir?: string | undefined;
  readonly certificates?: Certificates | undefined;
}

/**
 * Servers that were started and not stopped. Holding them keeps their guardians' pipes from being
 * collected as garbage when a caller remembers the URL alone.
 */
const running = new Set<LocalNatsServer>();

/** Starts a server and waits until it serves; a start that fails leaves nothing behind. */
export async function launch(plan: LaunchPlan): Promise<NatsServer> {
  const server = new LocalNatsServer(plan, makeGuardedDirectory());
  running.add(server);
  try {
    await server.restart();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

class LocalNatsServer implements NatsServer {
  readonly url: string;
  readonly monitorUrl: string;
  readonly wsUrl?: string;
  readonly tlsCa?: string;
  readonly tlsCaFile?: string;
  readonly name: string;
  readonly port: number;
  readonly version: string;
  readonly storeDir: string;
  readonly #plan: LaunchPlan;
  readonly #directory: GuardedDirectory;
  #child: ChildProcess | undefined;
  #exit: string | undefined = "not started";
  #stopped: Promise<void> | undefined;

  constructor(plan: LaunchPlan, directory: GuardedDirectory) {
    const { config, certificates } = plan;
    this.#plan = plan;
    this.#directory = directory;
    this.name = config.serverName;
    this.port = config.port;
    this.version = plan.found.version;
    this.url = `${certificates === undefined ? "nats" : "tls"}://127.0.0.1:${config.port}`;
    this.monitorUrl = `http://127.0.0.1:${config.monitorPort}`;
    if (config.websocketPort !== undefined) this.wsUrl = `ws://127.0.0.1:${config.websocketPort}`;
    this.storeDir = resolve(plan.storeDir ?? join(directory.path, "store"));
    if (certificates !== undefined) {
      this.tlsCa = certificates.ca;
      this.tlsCaFile = join(directory.path, "ca.pem");
    }
    this.#writeFiles();
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  logs(): string {
    try {
      return readFileSync(this.#path("log"), "utf8");
    } catch {
      return "";
    }
  }

  monitor(path: string): Promise<unknown> {
    return this.#get(path, MONITOR_TIMEOUT_MS);
  }

  async restart(): Promise<void> {
    if (this.#stopped !== undefined) throw new Error(`Cannot restart ${this.name}: it was stopped`);
    await this.kill("SIGTERM");
    const start = this.logs().length;
    this.#spawn();
    const recent = (): string => this.logs().slice(start);
    await poll(`Start of ${this.name}`, () => this.#isReady(recent), {
      timeoutMs: START_TIMEOUT_MS,
      explain: () => tail(recent(), 20),
    });
  }

  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    this.#signal(signal);
    // A paused process keeps every signal but SIGKILL waiting.
    if (signal === "SIGTERM") this.#signal("SIGCONT");
    await poll(`End of ${this.name} after ${signal}`, () => this.#exit, {
      timeoutMs: STOP_TIMEOUT_MS,
      intervalMs: 5,
    });
  }

  async pause(): Promise<void> {
    this.#signal("SIGSTOP");
    // The signal takes a moment to reach all threads, and until then requests are answered.
    await poll(`Pause of ${this.name}`, async () => {
      const answer = await this.#get("/varz", PAUSED_AFTER_MS).catch(() => undefined);
      return answer === undefined || undefined;
    }, { timeoutMs: STOP_TIMEOUT_MS });
  }

  resume(): void {
    this.#signal("SIGCONT");
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    try {
      await this.kill("SIGTERM").catch(() => this.kill());
    } finally {
      await this.#directory.release();
      running.delete(this);
    }
  }

  async #get(path: string, timeoutMs: number): Promise<unknown> {
    const signal = AbortSignal.timeout(timeoutMs);
    return await (await fetch(`${this.monitorUrl}${path}`, { signal })).json();
  }

  /** Not by `child.kill`: after one SIGTERM, Deno's does not send any other signal. */
  #signal(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): void {
    // A process that could not be spawned has no id, and 0 would be this process and its group.
    if (!this.running || this.pid === 0) return;
    try {
      process.kill(this.pid, signal);
    } catch (error) {
      // It has ended by itself a moment ago, and the event that says so is still to come.
      if ((error as { code?: string }).code !== "ESRCH") throw error;
    }
  }

  #path(name: string): string {
    return join(this.#directory.path, name);
  }

  #writeFiles(): void {
    const { config, certificates, jetStream } = this.#plan;
    const tls = { certFile: this.#path("cert.pem"), keyFile: this.#path("key.pem") };
    if (certificates !== undefined) {
      writeFileSync(this.#path("ca.pem"), certificates.ca);
      writeFileSync(tls.certFile, certificates.cert);
      writeFileSync(tls.keyFile, certificates.key);
    }
    const text = natsConfigText({
      ...config,
      pidFile: this.#path(PID_FILE),
      storeDir: jetStream ? this.storeDir : undefined,
      tls: certificates === undefined ? undefined : tls,
    });
    writeFileSync(this.#path("server.conf"), text);
  }

  #spawn(): void {
    // The log is a file and not a pipe, so a busy or paused parent never blocks the server.
    const log = openSync(this.#path("log"), "a");
    const child = spawn(this.#plan.found.path, ["-c", this.#path("server.conf")], {
      cwd: this.#directory.path,
      stdio: ["ignore", log, log],
      // In its own process group, Ctrl-C reaches this process alone, which then stops the server.
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    this.#exit = undefined;
    const ended = (reason: string): void => {
      if (this.#child === child) this.#exit = reason;
    };
    child.once("error", (error) => ended(`could not be run: ${error.message}`));
    child.once("exit", (code, signal) => ended(signal ?? `exited with code ${code}`));
    // A forgotten server must not keep its parent from ending; the guardian then ends the server.
    child.unref();
  }

  async #isReady(recentLog: () => string): Promise<true | undefined> {
    if (!this.running) throw this.#startError(recentLog());
    const { port, websocketPort, cluster } = this.#plan.config;
    if (!await accepts(port)) return undefined;
    if (websocketPort !== undefined && !await accepts(websocketPort)) return undefined;
    // A member of a cluster is healthy only when a majority is there, which may come later.
    if (cluster !== undefined) return true;
    const health = await this.monitor("/healthz").catch(() => undefined);
    return (health as { status?: string } | undefined)?.status === "ok" ? true : undefined;
  }

  #startError(log: string): Error {
    const message = `Cannot start nats-server ${this.version}: it ${this.#exit}\n${tail(log, 20)}`;
    return /address already in use/.test(log) ? new PortInUseError(message) : new Error(message);
  }
}
