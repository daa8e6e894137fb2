/**
 * A Bun HTTP handler that answers at once; its events go out in batches behind the answers. Right
 * on a server that is ended by SIGTERM, as containers are.
 *
 *     NAQ_EVENT_STORAGE_URL=sqlite:events.sqlite bun examples/bun_serve.ts
 *     curl -X POST localhost:8000/jobs/job-1
 *     curl localhost:8000/jobs/job-1
 */

import { parseArgs } from "node:util";
import { JobEventLogger, loadConfig } from "@naq/events";
import { openStorage } from "@naq/events/open";

// What this file uses of Bun, for projects without @types/bun.
declare const Bun: {
  serve(options: { port: number; fetch(request: Request): Promise<Response> }): { url: URL };
};

const { values } = parseArgs({
  options: { storage: { type: "string" }, port: { type: "string", default: "8000" } },
});
const storage = await openStorage(values.storage ?? loadConfig().storageUrl);
const logger = new JobEventLogger(storage, { flushIntervalMs: 1000 });
logger.flushOnExit();
const log = logger.child({ tags: { app: "bun_serve" } });

async function handle(request: Request): Promise<Response> {
  const jobId = /^\/jobs\/([^/]+)$/.exec(new URL(request.url).pathname)?.[1];
  if (jobId === undefined) return new Response("Use /jobs/{id}\n", { status: 404 });
  if (request.method === "GET") return Response.json(await storage.getEvents(jobId));
  // Taken into the buffer, not yet stored.
  return new Response(null, { status: log.logJobEnqueued(jobId, "mail") ? 202 : 400 });
}

const server = Bun.serve({ port: Number(values.port), fetch: handle });
console.log(server.url.origin);
