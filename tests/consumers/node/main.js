import { JobEventLogger, NatsJobEventStorage } from "@naq/events";
import { connect } from "@naq/events/connect/node";

const connection = await connect({ servers: process.env.NAQ_NATS_URL ?? "nats://localhost:4222" });
const storage = await NatsJobEventStorage.open(connection);
const logger = new JobEventLogger(storage);
logger.logJobEnqueued("job-1", "mail");
logger.logJobStarted("job-1", "worker-1", "async");
logger.logJobCompleted("job-1", "worker-1", 12.3);
await logger.stop();

for (const event of await storage.getEvents("job-1")) console.log(event.message);
await connection.close();
