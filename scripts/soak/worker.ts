/**
 * A program that executes tasks until it is killed or told to end, for `deno task soak`. Its events
 * wait in a file, so that those of a program which was killed are sent by the next one.
 *
 *     worker.ts URL NAME SPOOL LEASE_MS
 */

import process from "node:process";
import { openBackend, type TaskBackend } from "../../src/backend/mod.ts";
import { isJobEventError } from "../../src/errors.ts";
import { Worker } from "../../src/worker/mod.ts";

const [url, workerId, spool, leaseMs] = process.argv.slice(2);
const LONGEST_MS = 40;

/** A first connect tries once, and the server may be away right then. */
async function open(): Promise<TaskBackend> {
  for (;;) {
    try {
      return await openBackend({ tasks: url!, events: url! }, {
        connect: { reconnectWaitMs: 50, reconnectJitterMs: 50 },
        tasks: { leaseMs: Number(leaseMs) },
        // Nobody wants to read here that the server is away: it is.
        logger: { spool: spool!, onError: () => {} },
      });
    } catch (error) {
      if (!isJobEventError(error) || error.code !== "ERR_UNAVAILABLE") throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const backend = await open();
const worker = new Worker(backend, {
  double: async (args) => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_MS));
    return 2 * Number(args);
  },
}, { workerId: workerId! });
worker.start();
console.log("started");

process.once("SIGTERM", async () => {
  await worker.stop();
  await backend.close();
});
