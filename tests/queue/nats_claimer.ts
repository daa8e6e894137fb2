/** Claims one task on the server of the first argument, says so, and does nothing more. */

import process from "node:process";
import { connect } from "../../src/connect/node.ts";
import { NatsTaskQueue } from "../../src/queue/nats.ts";

const [servers = "", leaseMs = "", workerId = ""] = process.argv.slice(2);
const connection = await connect({ servers });
const queue = await NatsTaskQueue.open(connection, { leaseMs: Number(leaseMs) });
const task = await queue.dequeue("q", { workerId });
console.log(`claimed ${task?.id}`);
