/** A server with the stream, and functions in workerd that may only emit to it. */

import { connect } from "../../src/connect/node.ts";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { EMIT_ONLY, makeOperator } from "../nats/operator.ts";
import { type NatsServer, startNatsServer } from "../nats_server.ts";
import { bundleWorker, type RunningWorker, startWorker } from "./worker.ts";

/** The examples, with the classes of their Durable Objects by the names of the bindings. */
const DURABLE_OBJECTS: Readonly<Record<Example, Readonly<Record<string, string>>>> = {
  cloudflare_worker: {},
  cloudflare_durable_object: { JOB_EVENTS: "JobEvents" },
};

/** The examples for Cloudflare Workers. */
export const EXAMPLES = ["cloudflare_worker", "cloudflare_durable_object"] as const;

/** One of them. */
export type Example = (typeof EXAMPLES)[number];

/** What functions emit to, and who reads it. */
export interface Surroundings extends AsyncDisposable {
  readonly server: NatsServer;
  /** Reads what was emitted. */
  readonly storage: NatsJobEventStorage;
  /** Where and as whom functions emit. */
  readonly bindings: { readonly NATS_URL: string; readonly NATS_CREDS: string };
  /** Starts an example; it ends with the rest. */
  start(example: Example): Promise<RunningWorker>;
  /** How many connections the server has had since it was started. */
  connections(): Promise<number>;
}

/** Starts it all. */
export async function openSurroundings(): Promise<Surroundings> {
  const stack = new AsyncDisposableStack();
  try {
    const operator = makeOperator();
    const server = stack.use(
      await startNatsServer({ websocket: true, config: operator.config }),
    );
    const connection = await connect({ servers: server.url, creds: operator.creds() });
    stack.defer(() => connection.close());
    const storage = stack.use(
      await NatsJobEventStorage.open(connection, { stream: { maxBytes: 512 * 1024 * 1024 } }),
    );
    const bindings = { NATS_URL: server.wsUrl!, NATS_CREDS: operator.creds(EMIT_ONLY) };
    const moved = stack.move();
    return {
      server,
      storage,
      bindings,
      async start(example) {
        const { code } = await bundleWorker(`examples/${example}.ts`);
        return moved.use(await startWorker(code, bindings, DURABLE_OBJECTS[example]));
      },
      async connections() {
        const { total_connections: count } = await server.monitor("/varz") as {
          total_connections: number;
        };
        return count;
      },
      [Symbol.asyncDispose]: () => moved.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
