/**
 * A handler for AWS Lambda behind an HTTP API. The platform freezes the process as soon as the
 * handler has returned, so the handler returns when its events are stored.
 *
 * The storage comes from `NAQ_EVENT_STORAGE_URL`. It is opened once for all invocations that the
 * process serves.
 */

import { JobEventLogger, loadConfig } from "@naq/events";
import { openStorage } from "@naq/events/open";

/** What this handler reads of an invocation. */
export interface HttpEvent {
  readonly requestContext: { readonly http: { readonly method: string } };
  readonly pathParameters?: { readonly id?: string };
}

/** What this handler reads of the invocation's surroundings. */
export interface Context {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** An answer. */
export interface HttpResult {
  readonly statusCode: number;
  readonly body?: string;
}

/** Kept back of the time that is left, for the answer. */
const RESERVE_MS = 500;

const storage = await openStorage(loadConfig().storageUrl);
const logger = new JobEventLogger(storage);
// Lambda ends a process that has an extension with SIGTERM.
logger.flushOnExit();

export async function handler(event: HttpEvent, context: Context): Promise<HttpResult> {
  const jobId = event.pathParameters?.id;
  if (jobId === undefined) return { statusCode: 404 };
  if (event.requestContext.http.method === "GET") {
    return { statusCode: 200, body: JSON.stringify(await storage.getEvents(jobId)) };
  }
  const log = logger.child({ metadata: { awsRequestId: context.awsRequestId } });
  if (!log.logJobEnqueued(jobId, "mail")) return { statusCode: 400 };
  const timeoutMs = Math.max(context.getRemainingTimeInMillis() - RESERVE_MS, 0);
  const { pending, dropped } = await log.flush({ timeoutMs });
  return { statusCode: pending + dropped === 0 ? 201 : 503 };
}
