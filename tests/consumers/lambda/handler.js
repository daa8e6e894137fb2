import { JobEventLogger, NatsJobEventPublisher } from "@naq/events/emit";
import { connect } from "@naq/events/connect/node";

const connection = await connect({ servers: process.env.NAQ_NATS_URL });
const logger = new JobEventLogger(new NatsJobEventPublisher(connection));

export async function handler({ jobId }) {
  if (!logger.logJobEnqueued(jobId, "mail")) return { statusCode: 400 };
  // Lambda freezes the process after the answer, so the answer waits for the event.
  const { pending, dropped } = await logger.flush({ timeoutMs: 2000 });
  return { statusCode: pending + dropped === 0 ? 202 : 503 };
}
