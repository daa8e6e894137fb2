import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { type EventStreamOptions, openEventStream } from "../../src/nats/stream.ts";
import { covers, type StreamConfig } from "../../src/nats/stream_config.ts";
import { temporaryDirectory } from "../helpers.ts";
import { connect, type TestConnection, TIMEOUT_MS } from "./publishing.ts";

const options = { skip: natsSkipReason(), timeout: TIMEOUT_MS };
const MINUTE_NS = 60e9;

/** Small enough for any disk, since servers set the bytes of all their streams aside. */
const SMALL = { maxBytes: 1024 * 1024 };

/** Makes a stream, or asks for one, without the code under test. */
async function ask(
  connection: TestConnection,
  subject: string,
  body?: object,
): Promise<StreamConfig> {
  const payload = body && new TextEncoder().encode(JSON.stringify(body));
  const { data } = await connection.request(`$JS.API.${subject}`, payload, { timeout: 5000 });
  const answer = JSON.parse(new TextDecoder().decode(data));
  assert.equal(answer.error, undefined, JSON.stringify(answer.error));
  return answer.config;
}

/** Fails unless the opening is refused with a code and a message that has all of these. */
async function refused(
  connection: TestConnection,
  openOptions: EventStreamOptions,
  code: string,
  ...parts: readonly RegExp[]
): Promise<void> {
  await assert.rejects(openEventStream(connection, openOptions), (error: Error) => {
    assert.equal((error as { code?: string }).code, code, error.message);
    for (const part of parts) assert.match(error.message, part);
    return true;
  });
}

for (const version of ["current", "floor"] as const) {
  describe(`openEventStream() with the ${version} server`, options, () => {
    const isFloor = version === "floor";
    let server: NatsServer;
    let connection: TestConnection;
    before(async () => {
      server = await startNatsServer({ version, maxFileStoreBytes: 64 * 1024 ** 3 });
      connection = await connect(server.url);
    }, { timeout: TIMEOUT_MS });
    after(async () => {
      await connection?.close();
      await server?.stop();
    });

    it("makes a stream with the defaults, and what the server has beyond", options, async () => {
      const stream = await openEventStream(connection);
      assert.equal(stream.name, "NAQ_JOB_EVENTS");
      const config = await ask(connection, "STREAM.INFO.NAQ_JOB_EVENTS");
      const common = {
        name: "NAQ_JOB_EVENTS",
        description: "Job lifecycle events",
        subjects: ["naq.jobs.events.>"],
        retention: "limits",
        storage: "file",
        discard: "old",
        max_age: 7 * 24 * 60 * MINUTE_NS,
        max_msgs: 10_000_000,
        max_bytes: 10 * 1024 ** 3,
        max_msg_size: 1024 * 1024,
        duplicate_window: 2 * MINUTE_NS,
        num_replicas: 1,
        allow_direct: true,
      };
      const further = isFloor ? {} : {
        compression: "s2",
        allow_msg_ttl: true,
        allow_atomic: true,
        allow_batched: true,
      };
      const shown = Object.fromEntries(
        Object.keys({ ...common, ...further }).map((
          key,
        ) => [key, config[key as keyof typeof config]]),
      );
      assert.deepEqual(shown, { ...common, ...further });
      assert.equal(config.metadata?.["naq.events.schema"], isFloor ? undefined : "1");

      const { serverVersion, ...can } = stream.capabilities;
      assert.equal(serverVersion, server.version);
      assert.equal(can.directGet, true);
      for (
        const name of ["filterSubjects", "directGetBatch", "atomicBatch", "fastIngest"] as const
      ) {
        assert.equal(can[name], !isFloor, name);
      }
    });

    it("uses a stream that is there as it is when it takes the subjects", options, async () => {
      const own = {
        name: "OWN",
        subjects: ["own.events.>", "else"],
        max_msgs: 5,
        storage: "memory",
      };
      await ask(connection, "STREAM.CREATE.OWN", own);
      const stream = await openEventStream(connection, {
        streamName: "OWN",
        subjectPrefix: "own.events.mine",
        stream: { ...SMALL, maxMsgs: 7 },
      });
      assert.equal(stream.config.max_msgs, 5);
      assert.equal(stream.capabilities.directGet, false, "nobody allowed Direct Get there");
      assert.equal((await ask(connection, "STREAM.INFO.OWN")).max_msgs, 5);
    });

    it("says of another stream what differs and what an update would do", options, async () => {
      const other = { name: "OTHER", subjects: ["other.a.>"], max_msgs: 5, max_age: MINUTE_NS };
      await ask(connection, "STREAM.CREATE.OTHER", other);
      const wanted = {
        streamName: "OTHER",
        subjectPrefix: "other.b",
        stream: { ...SMALL, maxAgeMs: 120_000 },
      };
      await refused(
        connection,
        wanted,
        "ERR_STREAM_CONFIG",
        /it does not take other\.b\.>/,
        /subjects is \["other\.a\.>"\], wanted \["other\.b\.>"\]/,
        /maxAgeMs is 60000, wanted 120000/,
        /maxMsgs is 5, wanted 10000000/,
        /With updateStream: true the stream would get these settings, and keep its own subjects/,
      );
      assert.deepEqual((await ask(connection, "STREAM.INFO.OTHER")).subjects, ["other.a.>"]);
    });

    it("updates with updateStream, and keeps subjects and metadata", options, async () => {
      const existing = {
        name: "UPDATED",
        subjects: ["updated.a.>", "updated.b.*.x"],
        max_msgs: 5,
        duplicate_window: MINUTE_NS,
        ...(isFloor ? {} : { metadata: { owner: "me" } }),
      };
      await ask(connection, "STREAM.CREATE.UPDATED", existing);
      const wanted = { streamName: "UPDATED", subjectPrefix: "updated.b", updateStream: true };
      const stream = await openEventStream(connection, { ...wanted, stream: SMALL });
      const config = await ask(connection, "STREAM.INFO.UPDATED");
      // What the new pattern covers is not listed twice, or the server would refuse it.
      assert.deepEqual(config.subjects, ["updated.a.>", "updated.b.>"]);
      assert.equal(config.max_msgs, 10_000_000);
      assert.equal(config.duplicate_window, 2 * MINUTE_NS);
      assert.equal(config.allow_direct, true);
      assert.equal(stream.capabilities.directGet, true);
      if (!isFloor) {
        assert.equal(config.metadata?.["owner"], "me");
        assert.equal(config.metadata?.["naq.events.schema"], "1");
      }
      await openEventStream(connection, { ...wanted, stream: SMALL });
      assert.deepEqual((await ask(connection, "STREAM.INFO.UPDATED")).subjects, config.subjects);
      // And what its own subjects cover is not added.
      const narrow = { ...wanted, subjectPrefix: "updated.a.x", stream: { ...SMALL, maxMsgs: 9 } };
      assert.deepEqual(
        (await openEventStream(connection, narrow)).config.subjects,
        config.subjects,
      );
    });

    it("does not try to change what a server never changes", options, async () => {
      await ask(connection, "STREAM.CREATE.KIND", {
        name: "KIND",
        subjects: ["kind.>"],
        storage: "memory",
      });
      const wanted = { streamName: "KIND", subjectPrefix: "kind", stream: SMALL };
      await refused(
        connection,
        { ...wanted, updateStream: true },
        "ERR_STREAM_CONFIG",
        /the storage of a stream cannot be changed/,
        /storage is "memory", wanted "file"/,
        /Use another streamName/,
      );
      await openEventStream(connection, wanted);
    });

    it("refuses a mirror, which takes no events", options, async () => {
      await ask(connection, "STREAM.CREATE.SOURCE", { name: "SOURCE", subjects: ["source.>"] });
      await ask(connection, "STREAM.CREATE.MIRROR", { name: "MIRROR", mirror: { name: "SOURCE" } });
      const wanted = { streamName: "MIRROR", subjectPrefix: "source" };
      await refused(connection, wanted, "ERR_STREAM_CONFIG", /it is a mirror/);
    });

    it("clamps the duplicate window to the age of the events", options, async () => {
      const stream = await openEventStream(connection, {
        streamName: "YOUNG",
        subjectPrefix: "young",
        stream: { ...SMALL, maxAgeMs: 1000 },
      });
      assert.equal(stream.config.duplicate_window, 1e9);
      const forever = await openEventStream(connection, {
        streamName: "OLD",
        subjectPrefix: "old",
        stream: { ...SMALL, maxAgeMs: 0, maxMsgs: 0, maxMsgSize: 0, duplicateWindowMs: 500 },
      });
      const { max_age, max_msgs, max_msg_size, duplicate_window } = forever.config;
      assert.deepEqual([max_age, max_msgs, max_msg_size, duplicate_window], [0, -1, -1, 5e8]);
    });

    it("names the stream whose subjects overlap", options, async () => {
      await ask(connection, "STREAM.CREATE.FIRST", { name: "FIRST", subjects: ["lap.a.*.x"] });
      await refused(
        connection,
        { streamName: "SECOND", subjectPrefix: "lap.a", stream: SMALL },
        "ERR_STREAM_CONFIG",
        /Cannot create stream "SECOND"/,
        /10065/,
        /stream "FIRST" takes some of lap\.a\.>/,
        /set streamName to it, or set another subjectPrefix/,
      );
    });

    it("names the setting when the store has no room", options, async () => {
      await refused(
        connection,
        { streamName: "HUGE", subjectPrefix: "huge", stream: { maxBytes: 100 * 1024 ** 3 } },
        "ERR_STREAM_CONFIG",
        /10047/,
        /107374182400 bytes/,
        /lower stream\.maxBytes, or give max_file of the server or the account more/,
      );
    });

    it("names the setting when there are not so many servers", options, async () => {
      const wanted = { streamName: "R3", subjectPrefix: "r3", stream: { ...SMALL, replicas: 3 } };
      await refused(connection, wanted, "ERR_STREAM_CONFIG", /10074/, /stream\.replicas to 1/);
    });

    it("counts subjects, and says when the stream is gone", options, async () => {
      const stream = await openEventStream(connection, {
        streamName: "COUNTED",
        subjectPrefix: "counted",
        stream: SMALL,
      });
      for (const subject of ["counted.a.x", "counted.a.x", "counted.b.x"]) {
        await connection.request(subject, undefined, { timeout: 5000 });
      }
      const { state } = await stream.info({ subjectsFilter: "counted.*.x" });
      assert.deepEqual(state.subjects, { "counted.a.x": 2, "counted.b.x": 1 });
      assert.equal((await stream.info()).state.subjects, undefined);
      await ask(connection, "STREAM.DELETE.COUNTED");
      await assert.rejects(stream.info(), { name: "JobEventError", code: "ERR_NOT_FOUND" });
    });

    it("says what a user lacks: rights, an account with JetStream", options, async () => {
      const guarded = await startNatsServer({
        version,
        accounts: `A { jetstream: enabled, users: [
            { user: reader, password: p, permissions: {
              publish: { deny: ["$JS.API.STREAM.CREATE.>"] } } }
            { user: emitter, password: p, permissions: {
              publish: { deny: ["$JS.>"] } } } ] }
          B { users: [{ user: stranger, password: p }] }`,
      });
      const as = async (user: string, ...expected: [string, ...RegExp[]]): Promise<void> => {
        await using other = await connect(guarded.url, { user, password: "p" });
        const started = performance.now();
        await refused(other, { stream: SMALL }, ...expected);
        assert.ok(performance.now() - started < 3000, "at once, not when the time is over");
      };
      try {
        const allow = /Allow the user to publish to "\$JS\.API\.STREAM\.CREATE\.NAQ_JOB_EVENTS"/;
        await as("reader", "ERR_PERMISSION", /Cannot create stream/, allow);
        await as("emitter", "ERR_PERMISSION", /Cannot open stream/, /STREAM\.INFO\.NAQ_JOB_EVENTS/);
        await as("stranger", "ERR_UNSUPPORTED", /10039/, /JetStream is off for the account/);
      } finally {
        await guarded.stop();
      }
    });

    it("says when the server runs without JetStream", options, async () => {
      const plain = await startNatsServer({ version, jetStream: false });
      try {
        await using other = await connect(plain.url);
        await refused(other, {}, "ERR_UNSUPPORTED", /without JetStream/, /--jetstream/);
      } finally {
        await plain.stop();
      }
    });
  });
}

describe("openEventStream()", options, () => {
  it("works in a domain", options, async () => {
    await using directory = await temporaryDirectory();
    const server = await startNatsServer({
      jetStream: false,
      config: `jetstream { store_dir: ${JSON.stringify(directory.path)}, domain: hub }`,
    });
    try {
      await using connection = await connect(server.url);
      const stream = await openEventStream(connection, { domain: "hub", stream: SMALL });
      assert.equal(stream.apiPrefix, "$JS.hub.API");
      assert.equal((await stream.info()).state.messages, 0);
    } finally {
      await server.stop();
    }
  });

  it("refuses names and numbers that cannot be used, before it asks", options, async () => {
    const connection = { info: undefined } as unknown as TestConnection;
    for (const streamName of ["", "a b", "a.b", "*", ">", "a/b", "a\\b", "x".repeat(256)]) {
      await assert.rejects(openEventStream(connection, { streamName }), TypeError, streamName);
    }
    await assert.rejects(openEventStream(connection, { subjectPrefix: "a..b" }), TypeError);
    for (
      const stream of [
        { maxAgeMs: -1 },
        { maxMsgs: 1.5 },
        { maxBytes: Number.NaN },
        { duplicateWindowMs: 99 },
        { replicas: 0 },
      ]
    ) {
      const name = new RegExp(Object.keys(stream)[0]!);
      const expected = { name: "RangeError", message: name };
      await assert.rejects(openEventStream(connection, { stream }), expected);
    }
  });
});

describe("covers()", () => {
  for (
    const [wide, narrow, expected] of [
      [[">"], "a.b.>", true],
      [["a.>"], "a.b.>", true],
      [["a.>"], "a.>", true],
      [["a.>"], "a", false],
      [["a.*.>"], "a.>", false],
      [["a.*"], "a.>", false],
      [["a.*"], "a.b", true],
      [["a.b"], "a.*", false],
      [["x", "a.*.c"], "a.*.c", true],
      [["a.*.c"], "a.b.c.d", false],
      [[], "a", false],
    ] as const
  ) {
    it(`${JSON.stringify(wide)} ${expected ? "covers" : "does not cover"} ${narrow}`, () => {
      assert.equal(covers(wide, narrow), expected);
    });
  }
});
