/** Runs redis-server for the peer of the task queue. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accepts, freePorts } from "../nats/ports.ts";

/** A running server. Its disposal ends it and removes what it stored. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
}

const START_MS = 10_000;

/**
 * Starts a server with an append-only file that is synced each second: like a stream of NATS, it
 * keeps what was acknowledged when its process is killed, not in a power failure.
 *
 * @throws {Error} There is none; the message says how to get it.
 */
export async function startRedisServer(): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), "naq-events-redis-"));
  const [port = 0] = await freePorts(1);
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory];
  const durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"];
  const child: ChildProcess = spawn("redis-server", [...args, ...durable], { stdio: "ignore" });
  const failed = once(child, "error").then(([cause]) => {
    throw new Error(
      "Cannot start redis-server, the peer of this bench. Install Debian's package: " +
        "apt-get install redis-server",
      { cause },
    );
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.kill("SIGTERM")) await once(child, "exit");
    rmSync(directory, { recursive: true, force: true });
  };
  const deadline = performance.now() + START_MS;
  const started = (async () => {
    while (!await accepts(port)) {
      if (performance.now() > deadline) throw new Error("redis-server does not listen");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  try {
    await Promise.race([started, failed]);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  return { port, [Symbol.asyncDispose]: stop };
}
