import { JobEventLogger, NatsJobEventPublisher } from "@naq/events/emit";
import { connect } from "@naq/events/connect/ws";

const [servers = Deno.env.get("NATS_URL")!] = Deno.args;
const connection = await connect({ servers });
const logger = new JobEventLogger(new NatsJobEventPublisher(connection));

Deno.serve(async () => {
  logger.logJobEnqueued("job-1", "mail");
  // The isolate can end after any answer, so the answer waits for the event.
  const { pending, dropped } = await logger.flush({ timeoutMs: 2000 });
  return new Response(null, { status: pending + dropped === 0 ? 201 : 503 });
});
