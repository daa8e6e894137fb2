import { waitUntil } from "@vercel/functions";
import { JobEventLogger, NatsJobEventPublisher } from "@naq/events/emit";
import { connect } from "@naq/events/connect/node";

const connection = await connect({ servers: process.env.NAQ_NATS_URL });
const logger = new JobEventLogger(new NatsJobEventPublisher(connection));

export function POST(request) {
  const jobId = new URL(request.url).searchParams.get("job") ?? "";
  if (!logger.logJobEnqueued(jobId, "mail")) return new Response(null, { status: 400 });
  waitUntil(logger.flush()); // The answer goes out now, the event behind it.
  return new Response(null, { status: 202 });
}
