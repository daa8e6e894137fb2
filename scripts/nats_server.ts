/**
 * Runs nats-server for tests, benchmarks and development: finds or installs one, starts it on
 * the loopback interface, and removes every trace of it at the end.
 *
 * As a command, `deno task nats` starts one and prints its URLs.
 */

import process from "node:process";
import { main } from "./nats/cli.ts";
import type { Environment } from "./nats/run.ts";

export { startNatsCluster } from "./nats/cluster.ts";
export {
  CURRENT_VERSION,
  findNatsServer,
  type FindOptions,
  FLOOR_VERSION,
  type FoundServer,
  type NatsServerVersion,
} from "./nats/find.ts";
export { startNatsServer } from "./nats/start.ts";
export type {
  NatsCluster,
  NatsClusterOptions,
  NatsCommonOptions,
  NatsServer,
  NatsServerOptions,
} from "./nats/types.ts";

/**
 * The reason to skip a test that needs a server, for the `skip` option of `node:test`. Only
 * `NAQ_SKIP_NATS=1` is one: a server that cannot be had makes tests fail, not disappear.
 */
export function natsSkipReason(env: Environment = process.env): string | false {
  if (env["NAQ_SKIP_NATS"] !== "1") return false;
  console.warn("WARNING: NAQ_SKIP_NATS=1 is set, tests that need a nats-server are SKIPPED");
  return "NAQ_SKIP_NATS=1 is set";
}

if (import.meta.main) await main(process.argv.slice(2));
