import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { freePorts } from "../../scripts/nats/ports.ts";
import { natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { openStorage } from "../../src/open.ts";
import { eventually } from "../helpers.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/deno_deploy.ts", import.meta.url));
const isDeno = process.versions["deno"] !== undefined;
const skip = natsSkipReason() || (isDeno ? false : "It is Deno that this is about");
const options = { skip, timeout: 120_000 };

describe("A function for Deno Deploy", options, () => {
  it(
    "needs no right but to its hosts, and goes on after the server was away",
    options,
    async () => {
      await using server = await startNatsServer({ websocket: true });
      await using storage = await openStorage(server.url);
      const [port] = await freePorts(1);
      const child = spawn(process.execPath, [
        ...["run", "--no-prompt", "--allow-net=127.0.0.1", EXAMPLE],
        ...[server.wsUrl!, `${port}`],
      ]);
      try {
        let errors = "";
        child.stderr.on("data", (data) => errors += data);
        const statusOf = async (jobId: string): Promise<number> => {
          const url = `http://127.0.0.1:${port}/jobs/${jobId}`;
          const response = await fetch(url, { method: "POST" });
          await response.body?.cancel();
          return response.status;
        };
        const answers = (jobId: string): Promise<true> =>
          eventually(() => statusOf(jobId).then((status) => status === 201, () => false), {
            timeoutMs: 30_000,
            what: `an event of ${jobId} that is stored: ${errors}`,
          });

        await answers("first");
        const jobs = Array.from({ length: 50 }, (_, index) => `job-${index}`);
        assert.deepEqual(new Set(await Promise.all(jobs.map(statusOf))), new Set([201]), errors);
        assert.equal(await storage.countEvents(), 51);

        await server.kill();
        assert.equal(await statusOf("away"), 503);
        await server.restart();
        await answers("after");
        const types = await storage.getEvents("away");
        assert.deepEqual(types.map(({ eventType }) => eventType), ["enqueued"]);
      } finally {
        child.kill("SIGKILL");
        await once(child, "close");
      }
    },
  );
});
