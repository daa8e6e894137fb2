/**
 * A Cloudflare Worker that runs a job for each request and logs its life.
 *
 *     curl -X POST https://jobs.example.workers.dev/jobs/job-1
 *     curl -X POST -H "Prefer: respond-async" https://jobs.example.workers.dev/jobs/job-2
 *
 * A Worker's sockets end with the request that opened them, so each request has a connection of its
 * own. `cloudflare_durable_object.ts` keeps one for all requests.
 *
 * Events that cannot be stored in time are lost. The answer is 503 then, or, where it went out
 * before, there is a line on the console.
 */

import { JobEventLogger, NatsJobEventPublisher } from "@naq/events/emit";
import { connect } from "@naq/events/connect/ws";

/** The Worker's variables and secrets. */
export interface Env {
  /** Where NATS listens for WebSocket: `wss://…`. */
  readonly NATS_URL: string;
  /** The contents of the `.creds` file of a user that may emit and nothing else. */
  readonly NATS_CREDS: string;
}

/** What this Worker uses of a request's context. */
export interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

function runJob(jobId: string, logger: JobEventLogger): void {
  const startedAt = Date.now();
  logger.logJobStarted(jobId, "cloudflare", "edge");
  try {
    // Here the work is done.
    logger.logJobCompleted(jobId, "cloudflare", Date.now() - startedAt);
  } catch (error) {
    logger.logJobFailed(jobId, "cloudflare", error, Date.now() - startedAt);
  }
}

/** Runs a job; its events are stored when the promise resolves to true. */
async function runLogged(jobId: string, env: Env): Promise<boolean> {
  const connection = await connect({
    servers: env.NATS_URL,
    creds: env.NATS_CREDS,
    inboxPrefix: "_INBOX_emitter",
  });
  const logger = new JobEventLogger(new NatsJobEventPublisher(connection));
  runJob(jobId, logger);
  const { undelivered, dropped } = await logger.stop({ timeoutMs: 5000 });
  await connection.close();
  return undelivered + dropped === 0;
}

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    const jobId = /^\/jobs\/([^/]+)$/.exec(new URL(request.url).pathname)?.[1];
    if (jobId === undefined || request.method !== "POST") {
      return new Response("POST to /jobs/{id}\n", { status: 404 });
    }
    const stored = runLogged(jobId, env).catch((error: unknown) => {
      console.error(error);
      return false;
    });
    if (request.headers.get("Prefer") === "respond-async") {
      context.waitUntil(stored);
      return new Response(null, { status: 202 });
    }
    return new Response(null, { status: await stored ? 201 : 503 });
  },
};
