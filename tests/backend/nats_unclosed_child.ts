/** Uses tasks and results, closes neither, and then its connection. */

import process from "node:process";
import { connect } from "../../src/connect/node.ts";
import { NatsTaskQueue } from "../../src/queue/nats.ts";
import { NatsTaskResultStorage } from "../../src/results/nats.ts";

const [servers = ""] = process.argv.slice(2);
const connection = await connect({ servers });
const queue = await NatsTaskQueue.open(connection);
const results = await NatsTaskResultStorage.open(connection);
await queue.enqueueMany([{ functionName: "now" }, { functionName: "later", delayMs: 60_000 }]);
const task = await queue.dequeue("default");
await queue.heartbeat(task!);
await queue.dequeue("other", { timeoutMs: 10 });
await results.wait("nobody", { timeoutMs: 10 });
await connection.close();
const closedAt = performance.now();
process.once("exit", () => console.log(performance.now() - closedAt));
