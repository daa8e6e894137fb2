/** `naq-events dashboard`. */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import process from "node:process";
import { createDashboardHandler } from "../../dashboard/mod.ts";
import { serveDashboard } from "../../dashboard/serve.ts";
import { openTasks, type TaskOptions } from "../backend.ts";
import { type CommandContext, watchHealth } from "../context.ts";

const PASSWORD = "NAQ_DASHBOARD_PASSWORD";
const LOCAL = ["127.0.0.1", "localhost", "::1"];

/** Serves the dashboard until Ctrl-C. */
export async function dashboard(
  context: CommandContext,
  options: TaskOptions & {
    readonly port: number;
    readonly host: string;
    readonly title?: string;
    readonly allowActions?: boolean;
  },
): Promise<void> {
  const { port, host, title, tasks, allowActions = false } = options;
  const storage = await context.open(allowActions ? "change" : "read");
  let password = process.env[PASSWORD];
  if (allowActions && !password) {
    password = randomBytes(9).toString("base64url");
    context.note(`Any user name, with the password ${password}; ${PASSWORD} sets another one`);
  }
  if (!password && !LOCAL.includes(host)) {
    context.note(`Whoever reaches ${host} can read it: ${PASSWORD} sets a password`);
  }
  const backend = allowActions && tasks !== undefined
    ? await openTasks(context, options, "both")
    : undefined;
  const handler = context.own(createDashboardHandler(storage, {
    allowActions,
    ...(title === undefined ? {} : { title }),
    ...(backend === undefined ? {} : { tasks: backend }),
    ...(password ? { authorize: passwordCheck(password) } : {}),
  }));
  const server = context.own(await serveDashboard(handler, { port, hostname: host }));
  await context.print({ url: server.url }, () => `${server.url}  (Ctrl-C ends it)`);
  await context.out.flush();
  watchHealth(context, storage).catch(() => {});
  await new Promise<void>((resolve) => {
    if (context.signal.aborted) resolve();
    else context.signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Asks browsers for a password, by HTTP's own means. */
function passwordCheck(password: string): (request: Request) => true | Response {
  const digest = (text: string): Uint8Array => createHash("sha256").update(text).digest();
  const wanted = digest(password);
  return (request) => {
    const [, encoded = ""] = /^Basic (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    const given = Buffer.from(encoded, "base64").toString("utf8").replace(/^[^:]*:/, "");
    if (timingSafeEqual(digest(given), wanted)) return true;
    const headers = { "www-authenticate": 'Basic realm="naq-events", charset="UTF-8"' };
    return new Response("A password is needed\n", { status: 401, headers });
  };
}
