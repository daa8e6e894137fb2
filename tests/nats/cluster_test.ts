import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type NatsCluster, natsSkipReason, startNatsCluster } from "../../scripts/nats_server.ts";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { type EventStream, openEventStream } from "../../src/nats/stream.ts";
import { within } from "../helpers.ts";
import {
  appendAll,
  type AppendReport,
  assertKept,
  connect,
  records,
  storedIds,
  type TestConnection,
  TIMEOUT_MS,
} from "./publishing.ts";

const options = { skip: natsSkipReason(), timeout: TIMEOUT_MS };
const JOBS = 20;

/** Appends from every connection at once. */
async function appendFromAll(
  connections: readonly TestConnection[],
  stream: EventStream,
  size: { readonly events: number; readonly batch: number; readonly ackTimeoutMs: number },
  onBatch: (acknowledged: number) => void = () => {},
): Promise<AppendReport[]> {
  const { events, batch, ackTimeoutMs } = size;
  const work = connections.map(async (connection, index) => {
    await using publisher = new NatsJobEventPublisher(connection, {
      subjectPrefix: stream.subjects.prefix,
      ackTimeoutMs,
    });
    const todo = records(stream.subjects, `writer-${index}`, events, JOBS);
    return await appendAll(publisher, todo, { batch, onBatch });
  });
  return await within(Promise.all(work), 60_000);
}

/** Whether everything is there, once, and each job in order. */
async function assertAllKept(
  stream: EventStream,
  reports: readonly AppendReport[],
  events: number,
): Promise<void> {
  for (const { acknowledged } of reports) assert.equal(acknowledged.length, events);
  const stored = await storedIds(stream);
  assertKept(stored, reports.flatMap(({ acknowledged }) => acknowledged));
  assert.equal(stored.length, events * reports.length);
}

describe("NatsJobEventPublisher in a cluster", options, () => {
  let cluster: NatsCluster;
  /** One to each server. */
  const connections: TestConnection[] = [];
  before(async () => {
    cluster = await startNatsCluster();
    for (const url of cluster.urls) connections.push(await connect(url));
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await cluster?.stop();
  });

  async function open(connection: TestConnection, name: string): Promise<EventStream> {
    return await openEventStream(connection, {
      streamName: name,
      subjectPrefix: name,
      stream: { replicas: 3, maxBytes: 64 * 1024 ** 2 },
    });
  }

  it("keeps the order of each job while leaders give way to others", options, async () => {
    const stream = await open(connections[0]!, "MOVED");
    assert.equal(stream.config.num_replicas, 3);
    let isDone = false;
    let moves = 0;
    const moving = (async () => {
      while (!isDone) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        // While there is no leader, nobody can step down.
        await stream.request("STREAM.LEADER.STEPDOWN.MOVED", undefined, { timeoutMs: 1000 })
          .then(() => moves++, () => {});
      }
    })();
    const size = { events: 4000, batch: 1000, ackTimeoutMs: 300 };
    const reports = await appendFromAll(connections, stream, size).finally(() => isDone = true);
    await moving;
    assert.ok(moves > 1, "the leader changed");
    assert.ok(reports.some(({ retries }) => retries > 0), "something was under way meanwhile");
    await assertAllKept(stream, reports, size.events);
  });

  it(
    "keeps what was acknowledged, and the order of each job, when a leader dies",
    options,
    async () => {
      const stream = await open(connections[0]!, "KILLED");
      let killing: Promise<unknown> | undefined;
      const size = { events: 1500, batch: 100, ackTimeoutMs: 1000 };
      // The writer on the leader's server loses its connection, the others the leader only.
      const reports = await appendFromAll(connections, stream, size, (acknowledged) => {
        if (acknowledged >= 500) killing ??= cluster.killStreamLeader(stream.name);
      });
      await killing;
      for (const { retries } of reports) assert.ok(retries > 0, "every writer was interrupted");
      const survivor = cluster.servers.find((server) => server.running)!;
      await using reader = await connect(survivor.url);
      await assertAllKept(await open(reader, "KILLED"), reports, size.events);
    },
  );
});
