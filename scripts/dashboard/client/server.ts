/** Asks the server. Addresses are relative: the page's base says where they are. */

import type { DashboardAction } from "../../../src/dashboard/options.ts";
import type { ActionAnswer, ErrorAnswer, PageConfig } from "../../../src/dashboard/wire.ts";

/** What the server says in the page. */
export function readConfig(): PageConfig {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="naq-config"]');
  return JSON.parse(meta?.content ?? "{}");
}

/** Asks for an answer. */
export async function ask<Answer>(
  path: string,
  params: Readonly<Record<string, string>> | URLSearchParams = {},
  signal?: AbortSignal,
): Promise<Answer> {
  const query = new URLSearchParams(params).toString();
  const options = signal === undefined ? {} : { signal };
  return await read(fetch(`api/${path}${query === "" ? "" : `?${query}`}`, options));
}

/** Does something. */
export async function act(action: DashboardAction, body: unknown): Promise<number> {
  const { count } = await read<ActionAnswer>(fetch(`api/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-naq-dashboard": "1" },
    body: JSON.stringify(body),
  }));
  return count;
}

async function read<Answer>(asked: Promise<Response>): Promise<Answer> {
  const response = await asked.catch((cause) => {
    if (cause.name === "AbortError") throw cause;
    throw new Error("The server does not answer", { cause });
  });
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer as Answer;
  throw new Error(
    (answer as ErrorAnswer | undefined)?.error ?? `The server says ${response.status}`,
  );
}
