/** Two versions of the schema over one storage, as while programs are upgraded one by one. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { openStorage } from "../../src/open.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import { eventually, take, temporaryDirectory } from "../helpers.ts";
import { ProjectCopy } from "./project_copy.ts";
import { evolved } from "./schemas.ts";

const LONG = { timeout: 120_000 };

/** The modules of the newer version, which has the type `job_postponed` and the field `tenant`. */
interface Newer {
  readonly openStorage: typeof openStorage;
  readonly JobEventProcessor: typeof JobEventProcessor;
  readonly JobEvent: {
    create(init: Readonly<Record<string, unknown>>): JobEvent;
    jobPostponed(jobId: string, queueName: string, tenant: string, delayMs: number): JobEvent;
  };
}

type Counting = JobEventStorage & { readonly decodeErrors: number };

async function makeNewer(copy: ProjectCopy): Promise<Newer> {
  await copy.generate(evolved);
  const paths = ["src/open.ts", "src/processor/processor.ts", "src/gen/factories.ts"];
  const modules = await Promise.all(paths.map((path) => copy.import(path)));
  return Object.assign({}, ...modules) as Newer;
}

const CREATED = { jobId: "job-1", eventType: "enqueued", timestamp: 1, queueName: "mail" } as const;

/** Declares the tests for one kind of storage; each test has one to itself. */
function versions(kind: string, newer: () => Newer, url: () => Promise<string>): void {
  async function open(): Promise<AsyncDisposable & { older: Counting; latest: Counting }> {
    const at = await url();
    const older = await openStorage(at) as Counting;
    const latest = await newer().openStorage(at) as Counting;
    const close = () => Promise.all([older.close(), latest.close()]);
    return { older, latest, [Symbol.asyncDispose]: async () => void (await close()) };
  }
  /** What the newer version stores: a new field, a new type, and what there has always been. */
  const written = (): JobEvent[] => [
    newer().JobEvent.create({ ...CREATED, tenant: "acme" }),
    newer().JobEvent.jobPostponed("job-1", "mail", "acme", 1500),
    JobEvent.started("job-1", "worker-1", "async"),
  ];

  describe(`old reader, new writer, ${kind}`, LONG, () => {
    it("reads events without the new field and passes over those of a new type", LONG, async () => {
      await using storages = await open();
      const { older, latest } = storages;
      await latest.storeEvents(written());
      const [first, second, ...more] = await older.getEvents("job-1");
      const { natsSequence, natsSubject: _, eventId: __, ...fields } = first!;
      assert.deepEqual(fields, CREATED);
      assert.deepEqual([natsSequence, second!.eventType, more], [1, "started", []]);
      assert.equal(older.decodeErrors, 1);
      assert.equal(await older.countEvents({ eventType: "enqueued" }), 1);
      assert.equal(await older.countEvents(), 3, "a count does not read");
    });

    it("follows without a stop", LONG, async () => {
      await using storages = await open();
      const { older, latest } = storages;
      await using stream = older.streamEvents();
      await stream.ready;
      await latest.storeEvents(written());
      const events = await take(stream, 2, 30_000);
      assert.deepEqual(events.map(({ eventType }) => eventType), ["enqueued", "started"]);
    });

    it("keeps the new type as a dead letter of its group until it is upgraded", LONG, async () => {
      await using storages = await open();
      const { older, latest } = storages;
      const consumerName = "billing";
      const seen: string[] = [];
      const errors: string[] = [];
      {
        const onError = (error: unknown) => void errors.push(`${error}`);
        await using processor = new JobEventProcessor(older, { consumerName, onError });
        processor.onAny(({ eventType }) => void seen.push(eventType));
        await processor.start();
        await latest.storeEvents(written());
        await eventually(async () => (await older.deadLetters.list()).length === 1, {
          timeoutMs: 30_000,
        });
        await eventually(() => seen.length === 2, { timeoutMs: 30_000 });
        assert.match(errors.join("\n"), /^.*"job_postponed" is not a known event type$/);
      }
      const Processor = newer().JobEventProcessor;
      await using processor = new Processor(latest, { consumerName });
      processor.onAny(({ eventType }) => void seen.push(eventType));
      await processor.start();
      assert.equal(await processor.deadLetters.replay(), 1);
      await eventually(() => seen.length === 3, { timeoutMs: 30_000 });
      assert.deepEqual(seen, ["enqueued", "started", "job_postponed"]);
    });
  });

  describe(`new reader, old writer, ${kind}`, LONG, () => {
    it("reads every event, the new field absent", LONG, async () => {
      await using storages = await open();
      const { older, latest } = storages;
      await older.storeEvents([JobEvent.create(CREATED), JobEvent.cancelled("job-1")]);
      const events = await latest.getEvents("job-1");
      assert.deepEqual(events, await older.getEvents("job-1"));
      assert.ok(events.length === 2 && !("tenant" in events[0]!));
      assert.equal(latest.decodeErrors, 0);
      assert.equal(await latest.countEvents({ eventType: "job_postponed" as "enqueued" }), 0);
    });
  });
}

describe("two generated versions", LONG, () => {
  const copy = new ProjectCopy(["src"]);
  let newer: Newer;
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let server: NatsServer | undefined;
  let files = 0;
  before(async () => {
    newer = await makeNewer(copy);
    directory = await temporaryDirectory();
  }, LONG);
  after(async () => {
    await server?.stop();
    await directory[Symbol.asyncDispose]();
    copy.remove();
  });
  const file = () => Promise.resolve(`sqlite:${join(directory.path, `${files++}.sqlite`)}`);
  const stream = async () => {
    await server?.stop();
    server = await startNatsServer({ maxFileStoreBytes: 64 * 1024 ** 3 });
    return server.url;
  };
  versions("in a file", () => newer, file);
  describe("of NATS", { skip: natsSkipReason(), ...LONG }, () => {
    versions("in a stream", () => newer, stream);
  });
});
