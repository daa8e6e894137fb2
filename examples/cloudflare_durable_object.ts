/**
 * A Cloudflare Worker whose requests share one connection to NATS, kept by a Durable Object.
 *
 * A Durable Object may use its socket in every request that it serves. The connection opens again
 * after the server was away; when the platform puts the object aside, the next request opens a new
 * one.
 *
 *     # wrangler.toml
 *     durable_objects.bindings = [{ name = "JOB_EVENTS", class_name = "JobEvents" }]
 *     migrations = [{ tag = "v1", new_sqlite_classes = ["JobEvents"] }]
 */

import { JobEvent, JobEventLogger, NatsJobEventPublisher } from "@naq/events/emit";
import { connect } from "@naq/events/connect/ws";
import type { Context, Env as WorkerEnv } from "./cloudflare_worker.ts";

/** The Worker's variables, secrets and bindings. */
export interface Env extends WorkerEnv {
  readonly JOB_EVENTS: {
    idFromName(name: string): unknown;
    get(id: unknown): { fetch(url: string, init: RequestInit): Promise<Response> };
  };
}

/** Takes lists of events in JSON and answers when they are stored. */
export class JobEvents {
  readonly #env: Env;
  #logger: Promise<JobEventLogger> | undefined;

  constructor(_state: unknown, env: Env) {
    this.#env = env;
  }

  async fetch(request: Request): Promise<Response> {
    const events = await request.json() as readonly JobEvent[];
    try {
      const logger = await (this.#logger ??= this.#open());
      for (const event of events) logger.logEvent(event);
      const { pending, dropped } = await logger.flush({ timeoutMs: 5000 });
      // What is pending is still tried, as long as the object lives.
      return new Response(null, { status: pending + dropped === 0 ? 201 : 503 });
    } catch (error) {
      this.#logger = undefined;
      console.error(error);
      return new Response(null, { status: 503 });
    }
  }

  async #open(): Promise<JobEventLogger> {
    const connection = await connect({
      servers: this.#env.NATS_URL,
      creds: this.#env.NATS_CREDS,
      inboxPrefix: "_INBOX_emitter",
    });
    return new JobEventLogger(new NatsJobEventPublisher(connection));
  }
}

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    const jobId = /^\/jobs\/([^/]+)$/.exec(new URL(request.url).pathname)?.[1];
    if (jobId === undefined || request.method !== "POST") {
      return new Response("POST to /jobs/{id}\n", { status: 404 });
    }
    const startedAt = Date.now();
    const started = JobEvent.started(jobId, "cloudflare", "edge");
    // Here the work is done.
    const completed = JobEvent.completed(jobId, "cloudflare", Date.now() - startedAt);

    const jobEvents = env.JOB_EVENTS.get(env.JOB_EVENTS.idFromName("all"));
    const body = JSON.stringify([started, completed]);
    const stored = jobEvents.fetch("https://job-events/", { method: "POST", body });
    if (request.headers.get("Prefer") === "respond-async") {
      context.waitUntil(stored);
      return new Response(null, { status: 202 });
    }
    return new Response(null, { status: (await stored).status });
  },
};
