/** The functions that `deno task bench edge` asks. The path of a request says what to do. */

import { JobEventLogger, NatsJobEventPublisher } from "@naq/events/emit";
import { connect } from "@naq/events/connect/ws";
import { credsAuthenticator, type NatsConnection, wsconnect } from "@nats-io/nats-core";

interface Env {
  readonly NATS_URL: string;
  /** Without it the server wants none. */
  readonly NATS_CREDS?: string;
  readonly KEPT: {
    idFromName(name: string): unknown;
    get(id: unknown): { fetch(request: Request): Promise<Response> };
  };
}

/** A way to bring one event to the server. */
interface Emitter {
  /** Resolves when the server has acknowledged the event. */
  emit(): Promise<void>;
  close(): Promise<void>;
}

async function openLogger({ NATS_URL: servers, NATS_CREDS: creds }: Env): Promise<Emitter> {
  const connection = await connect({
    servers,
    inboxPrefix: "_INBOX_emitter",
    ...(creds === undefined ? {} : { creds }),
  });
  const logger = new JobEventLogger(new NatsJobEventPublisher(connection));
  return {
    async emit() {
      logger.logJobEnqueued("job-1", "mail");
      const { stored } = await logger.flush();
      if (stored !== 1) throw new Error("The event was not stored");
    },
    async close() {
      await logger.stop();
      await connection.close();
    },
  };
}

const SUBJECT = "naq.jobs.events.job-1.queue.mail.enqueued";
const PAYLOAD = new Uint8Array(120);

async function openBare({ NATS_URL: servers, NATS_CREDS: creds }: Env): Promise<Emitter> {
  const connection: NatsConnection = await wsconnect({
    servers,
    inboxPrefix: "_INBOX_emitter",
    ...(creds === undefined
      ? {}
      : { authenticator: credsAuthenticator(new TextEncoder().encode(creds)) }),
  });
  return {
    async emit() {
      await connection.request(SUBJECT, PAYLOAD, { timeout: 5000 });
    },
    close: () => connection.close(),
  };
}

const OPEN = { logger: openLogger, bare: openBare };

function opener(request: Request): keyof typeof OPEN {
  return new URL(request.url).pathname.endsWith("bare") ? "bare" : "logger";
}

/** Keeps connections between requests. */
export class Kept {
  readonly #env: Env;
  readonly #emitters: { [Name in keyof typeof OPEN]?: Promise<Emitter> } = {};

  constructor(_state: unknown, env: Env) {
    this.#env = env;
  }

  async fetch(request: Request): Promise<Response> {
    const name = opener(request);
    const emitter = await (this.#emitters[name] ??= OPEN[name](this.#env));
    await emitter.emit();
    return new Response();
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/nothing") return new Response();
    if (pathname.startsWith("/warm/")) {
      return env.KEPT.get(env.KEPT.idFromName("all")).fetch(request);
    }
    const emitter = await OPEN[opener(request)](env);
    await emitter.emit();
    await emitter.close();
    return new Response();
  },
};
