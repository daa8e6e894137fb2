/**
 * A Deno HTTP handler whose answer says that the event is stored. Right on a server, and on a
 * platform that may stop the isolate after the answer.
 *
 *     NAQ_EVENT_STORAGE_URL=sqlite:events.sqlite deno run -A examples/deno_serve.ts
 *     curl -X POST localhost:8000/jobs/job-1
 *     curl localhost:8000/jobs/job-1
 */

import { parseArgs } from "node:util";
import { JobEventLogger, loadConfig } from "@naq/events";
import { openStorage } from "@naq/events/open";

const { values } = parseArgs({
  options: { storage: { type: "string" }, port: { type: "string", default: "8000" } },
});
const storage = await openStorage(values.storage ?? loadConfig().storageUrl);
const logger = new JobEventLogger(storage);
logger.flushOnExit();
const log = logger.child({ tags: { app: "deno_serve" } });

async function handle(request: Request): Promise<Response> {
  const jobId = /^\/jobs\/([^/]+)$/.exec(new URL(request.url).pathname)?.[1];
  if (jobId === undefined) return new Response("Use /jobs/{id}\n", { status: 404 });
  if (request.method === "GET") return Response.json(await storage.getEvents(jobId));
  if (!log.logJobEnqueued(jobId, "mail")) return new Response("Not taken\n", { status: 400 });
  const { pending, dropped } = await log.flush({ timeoutMs: 2000 });
  // What is pending is still tried, as long as the isolate lives.
  return new Response(null, { status: pending + dropped === 0 ? 201 : 503 });
}

Deno.serve({
  port: Number(values.port),
  onListen: ({ port }) => console.log(`http://localhost:${port}`),
}, handle);
