/**
 * A function for Deno Deploy, or for any Deno that may do nothing but use the network: no files, no
 * variables.
 *
 *     export DENO_SERVE_ADDRESS=tcp:127.0.0.1:8000
 *     deno run --allow-net=127.0.0.1 examples/deno_deploy.ts ws://127.0.0.1:8080
 *     curl -X POST http://127.0.0.1:8000/jobs/job-1
 *
 * Deno Deploy chooses where to listen, and gives no arguments: the URL of NATS comes from the
 * variable `NATS_URL`.
 */

import { JobEventLogger, NatsJobEventPublisher } from "@naq/events/emit";
import { connect } from "@naq/events/connect/ws";

const [servers = Deno.env.get("NATS_URL") ?? "ws://127.0.0.1:8080"] = Deno.args;

/** For all requests that the isolate serves, from the first one on. */
let opening: Promise<JobEventLogger> | undefined;

async function open(): Promise<JobEventLogger> {
  const connection = await connect({ servers });
  return new JobEventLogger(new NatsJobEventPublisher(connection));
}

async function handle(request: Request): Promise<Response> {
  const jobId = /^\/jobs\/([^/]+)$/.exec(new URL(request.url).pathname)?.[1];
  if (jobId === undefined || request.method !== "POST") {
    return new Response("POST to /jobs/{id}\n", { status: 404 });
  }
  try {
    const logger = await (opening ??= open());
    if (!logger.logJobEnqueued(jobId, "mail")) return new Response(null, { status: 400 });
    // An isolate can end after any answer, so the answer waits until the event is stored.
    const { pending, dropped } = await logger.flush({ timeoutMs: 2000 });
    return new Response(null, { status: pending + dropped === 0 ? 201 : 503 });
  } catch (error) {
    opening = undefined;
    console.error(error);
    return new Response(null, { status: 503 });
  }
}

Deno.serve(handle);
