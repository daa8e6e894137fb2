import { JobEventLogger, NatsJobEventPublisher } from "@naq/events/emit";
import { connect } from "@naq/events/connect/ws";

type Env = { NATS_URL: string; NATS_NKEY: string };
type Context = { waitUntil(promise: Promise<unknown>): void };

export default {
  async fetch(_request: Request, env: Env, context: Context): Promise<Response> {
    const { NATS_URL: servers, NATS_NKEY: nkey } = env;
    const connection = await connect({ servers, nkey, inboxPrefix: "_INBOX_emitter" });
    const logger = new JobEventLogger(new NatsJobEventPublisher(connection));
    logger.logJobEnqueued("job-1", "mail");
    context.waitUntil(logger.stop().finally(() => connection.close()));
    return new Response(null, { status: 202 });
  },
};
