/** What changes what is stored. */

import type { JobEventSource } from "../storage/storage.ts";
import type { DashboardAction, DashboardSettings } from "./options.ts";

/** A page of another site cannot send this header along without being asked first, and we answer
 * no such question. */
const HEADER = "x-naq-dashboard";

/** What an action is about. */
interface ActionBody {
  readonly jobId?: unknown;
  readonly erase?: unknown;
  readonly ids?: unknown;
  readonly consumerName?: unknown;
}

interface Deleting {
  deleteEvents(jobId: string, options?: { readonly erase?: boolean }): Promise<number>;
}

function canDelete(source: object): source is Deleting {
  return "deleteEvents" in source && typeof source.deleteEvents === "function";
}

/** The actions that are allowed and possible. */
export function possibleActions(
  source: JobEventSource,
  settings: DashboardSettings,
): DashboardAction[] {
  if (!settings.allowActions) return [];
  return [
    ...(canDelete(source) ? ["delete" as const] : []),
    "replay",
    "purge",
    ...(settings.tasks === undefined ? [] : ["cancel" as const]),
  ];
}

/** Why a request does not come from the dashboard's own page; `undefined`: it does. */
export function foreignReason(request: Request): string | undefined {
  const { headers } = request;
  if (headers.get(HEADER) !== "1") return `The header ${HEADER} is missing`;
  const site = headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") {
    return `The request comes from another site: ${site}`;
  }
  const origin = headers.get("origin");
  const host = headers.get("host") ?? new URL(request.url).host;
  // Only hosts are compared: a proxy may have taken TLS away.
  if (origin !== null && hostOf(origin) !== host) return `The request comes from ${origin}`;
  if (site === null && origin === null) return "The request does not say where it comes from";
  return undefined;
}

function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : "";
}

/**
 * Does it.
 *
 * @returns How many events, letters or jobs there were.
 * @throws {TypeError} The body is not what the action needs.
 */
export async function act(
  action: DashboardAction,
  body: unknown,
  source: JobEventSource,
  settings: DashboardSettings,
): Promise<number> {
  const { jobId, erase, ids, consumerName }: ActionBody = typeof body === "object" && body !== null
    ? body
    : {};
  switch (action) {
    case "delete":
      if (!canDelete(source)) throw new TypeError("The source cannot delete events");
      return await source.deleteEvents(text("jobId", jobId), { erase: erase === true });
    case "replay":
      return await source.deadLetters.replay(letters(ids, consumerName));
    case "purge":
      return await source.deadLetters.purge(letters(ids, consumerName));
    case "cancel":
      return await settings.tasks!.cancel(text("jobId", jobId)) ? 1 : 0;
  }
}

/** Letters are named one by one or by their group: all at once is too easy to ask for. */
function letters(
  ids: unknown,
  consumerName: unknown,
): { ids: string[] } | { consumerName: string } {
  if (Array.isArray(ids)) return { ids: ids.map((id) => text("ids", id)) };
  return { consumerName: text("consumerName", consumerName) };
}

function text(name: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw new TypeError(`${name} must be a text, got ${JSON.stringify(value)}`);
}
