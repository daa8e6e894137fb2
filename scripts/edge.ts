/** `deno task edge`: many requests to functions in workerd, whose events are looked at after. */

import process from "node:process";
import { parseArgs } from "node:util";
import { findFaults, postMany } from "./workerd/load.ts";
import { EXAMPLES, openSurroundings } from "./workerd/surroundings.ts";

const HELP = `Posts jobs to the examples for Cloudflare Workers, which run in workerd and emit to a
real NATS server over WebSocket, with a JWT that lets them do no more. Every second answer does not
wait for the events. Then reads the stream: the two events of every job must be there exactly once
and in order.

Usage: deno task edge [--requests N] [--concurrency N]

  --requests N     to each of the examples  (default: 10000)
  --concurrency N  so many at a time        (default: 8)
  --help           this text

It ends with 1 if an event was lost, stored twice or out of order.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      requests: { type: "string", default: "10000" },
      concurrency: { type: "string", default: "8" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const [requests, concurrency] = [Number(values.requests), Number(values.concurrency)];
  if (!(requests >= 1 && concurrency >= 1)) {
    throw new Error("--requests and --concurrency take numbers from 1 on");
  }
  await using surroundings = await openSurroundings();
  const { storage } = surroundings;
  for (const example of EXAMPLES) {
    const worker = await surroundings.start(example);
    const before = await surroundings.connections();
    const load = { requests, concurrency, prefix: example, respondAsync: true };
    const started = performance.now();
    const statuses = await postMany(worker, load);
    const faults = await findFaults(storage, load);
    const seconds = (performance.now() - started) / 1000;
    const connections = await surroundings.connections() - before;
    console.log(
      `${example}: ${requests} requests in ${seconds.toFixed(1)} s, answers ` +
        `${JSON.stringify(statuses)}, ${connections} connections, ` +
        (faults.length === 0 ? "every event once and in order" : `${faults.length} jobs WRONG`),
    );
    if (faults.length === 0) continue;
    for (const fault of faults.slice(0, 10)) console.log(`  WRONG: ${fault}`);
    for (const line of new Set(worker.output().match(/^.*Error: .*$/gm)).values().take(10)) {
      console.log(`  ${line}`);
    }
    process.exitCode = 1;
  }
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
