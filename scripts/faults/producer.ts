/**
 * A program that logs at full speed, for `deno task faults`. It prints a line when it is connected,
 * and one of JSON at its end.
 *
 *     producer.ts URL[,URL] NAME EVENTS JOBS
 *
 * Event i is of job `{NAME}-{i % JOBS}`, and its message is i.
 */

import process from "node:process";
import { connect } from "../../src/connect/mod.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";

/** What a producer says of its run. */
export interface ProducerReport {
  /** Events that the logger took. */
  readonly accepted: number;
  /** Events that `stop()` could not deliver. */
  readonly undelivered: number;
  /** Events that the logger reported as lost before. */
  readonly dropped: number;
  /** How often a batch or a part of it was sent again. */
  readonly retried: number;
  /** Answers that said the stream has the event already. */
  readonly duplicates: number;
  /** The cost of one `logEvent`, in microseconds. */
  readonly p50Us: number;
  readonly p999Us: number;
  /** The process's memory at its largest, in MiB. */
  readonly peakRssMb: number;
  /** How often each error came. */
  readonly errors: Readonly<Record<string, number>>;
}

/** The process must have time for its sockets, as any server's has. */
const EVENTS_A_TURN = 200;
const STOP_TIMEOUT_MS = 120_000;

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

async function produce(url: string, name: string, events: number, jobs: number): Promise<void> {
  const connection = await connect({
    servers: url.split(","),
    reconnectWaitMs: 50,
    reconnectJitterMs: 50,
  });
  console.log("connected");
  const errors: Record<string, number> = {};
  const logger = new JobEventLogger(new NatsJobEventPublisher(connection), {
    overflow: "block",
    batchSize: 1000,
    retry: { maxDelayMs: 500 },
    onError: ({ code }) => errors[code] = (errors[code] ?? 0) + 1,
    onDrop: () => {},
  });
  const costs = new Float64Array(events);
  let peakRss = 0;
  let accepted = 0;
  for (let index = 0; index < events; index++) {
    const event = JobEvent.completed(`${name}-${index % jobs}`, name, 12.5, {
      message: String(index),
      tags: { producer: name },
    });
    const begin = performance.now();
    let isTaken = logger.logEvent(event);
    costs[index] = (performance.now() - begin) * 1000;
    while (!isTaken && logger.isFull) {
      await logger.ready();
      isTaken = logger.logEvent(event);
    }
    if (isTaken) accepted++;
    if (index % EVENTS_A_TURN > 0) continue;
    peakRss = Math.max(peakRss, process.memoryUsage().rss);
    await turn();
  }
  const { undelivered, dropped } = await logger.stop({ timeoutMs: STOP_TIMEOUT_MS });
  const { retried, duplicates } = logger.stats();
  costs.sort();
  const report: ProducerReport = {
    accepted,
    undelivered,
    dropped,
    retried,
    duplicates,
    p50Us: costs[Math.floor(events * 0.5)]!,
    p999Us: costs[Math.floor(events * 0.999)]!,
    peakRssMb: peakRss / 1024 ** 2,
    errors,
  };
  await connection.close();
  console.log(JSON.stringify(report));
}

const [url = "", name = "", events = "0", jobs = "1"] = process.argv.slice(2);
await produce(url, name, Number(events), Number(jobs));
