/** Functions for Deno Deploy: with no rights but to use the network. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { freePorts } from "../../scripts/nats/ports.ts";
import { natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { openStorage } from "../../src/open.ts";
import { eventually } from "../helpers.ts";

const isDeno = process.versions["deno"] !== undefined;
const skip = natsSkipReason() || (isDeno ? false : "It is Deno that this is about");
const options = { skip, timeout: 120_000 };

interface Program extends AsyncDisposable {
  /** Posts to it and gives the status of the answer. */
  post(path: string): Promise<number>;
  /** Posts until the answer is 201. */
  answers(path: string): Promise<true>;
}

/** Runs a program that may use the network of this machine and nothing else. */
async function start(path: string, ...args: string[]): Promise<Program> {
  const [port] = await freePorts(1);
  const file = fileURLToPath(new URL(path, import.meta.url));
  const child = spawn(
    process.execPath,
    ["run", "--no-prompt", "--allow-net=127.0.0.1", file, ...args],
    { env: { ...process.env, DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}` } },
  );
  let errors = "";
  child.stderr.on("data", (data) => errors += data);
  const post = async (path: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST" });
    await response.body?.cancel();
    return response.status;
  };
  return {
    post,
    answers: (path) =>
      eventually(() => post(path).then((status) => status === 201, () => false), {
        timeoutMs: 30_000,
        what: `an event that is stored: ${errors}`,
      }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}

describe("A function for Deno Deploy", options, () => {
  it("runs as it stands in the README", options, async () => {
    await using server = await startNatsServer({ websocket: true });
    await using storage = await openStorage(server.url);
    await using program = await start("deno_deploy/main.ts", server.wsUrl!);
    await program.answers("/");
    assert.equal((await storage.getEvents("job-1"))[0]?.queueName, "mail");
  });

  it("keeps its connection, and goes on after the server was away", options, async () => {
    await using server = await startNatsServer({ websocket: true });
    await using storage = await openStorage(server.url);
    await using program = await start("../../examples/deno_deploy.ts", server.wsUrl!);
    await program.answers("/jobs/first");
    const { total_connections: connections } = await server.monitor("/varz") as {
      total_connections: number;
    };
    const jobs = Array.from({ length: 50 }, (_, index) => `/jobs/job-${index}`);
    assert.deepEqual(new Set(await Promise.all(jobs.map(program.post))), new Set([201]));
    assert.equal(await storage.countEvents(), 51);
    assert.equal(
      (await server.monitor("/varz") as { total_connections: number }).total_connections,
      connections,
    );

    await server.kill();
    assert.equal(await program.post("/jobs/away"), 503);
    await server.restart();
    await program.answers("/jobs/after");
    const types = (await storage.getEvents("away")).map(({ eventType }) => eventType);
    assert.deepEqual(types, ["enqueued"]);
  });
});
