import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { JobEventSubjects } from "../../src/event/subjects.ts";
import { decodeSubjectToken } from "../../src/event/token.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { within } from "../helpers.ts";
import {
  connect,
  failure,
  record,
  records,
  statuses,
  storedIds,
  type TestConnection,
  TIMEOUT_MS,
} from "./publishing.ts";

const options = { skip: natsSkipReason(), timeout: TIMEOUT_MS };
const MAX_PAYLOAD = 4096;

/** A record whose message has this many bytes, headers included. */
function sized(subjects: JobEventSubjects, eventId: string, bytes: number) {
  const headers = `NATS/1.0\r\nNats-Msg-Id: ${eventId}\r\n\r\n`.length;
  const subject = record(subjects, "sized", eventId).subject;
  return { eventId, subject, payload: new Uint8Array(bytes - headers) };
}

/** Hands on to a connection, and shows what is published when it is. */
function observed(
  connection: NatsConnectionLike,
  onPublish: (subject: string) => void,
): NatsConnectionLike {
  const publish: NatsConnectionLike["publish"] = (subject, payload, rest) => {
    onPublish(subject);
    connection.publish(subject, payload, rest);
  };
  return Object.assign(Object.create(connection), { publish });
}

for (const version of ["current", "floor"] as const) {
  describe(`NatsJobEventPublisher with the ${version} server`, options, () => {
    let server: NatsServer;
    let connection: TestConnection;
    let count = 0;

    /** A stream of its own for a test, in memory. */
    async function open(settings: { maxMsgSize?: number } = {}) {
      const name = `S${++count}`;
      return await openEventStream(connection, {
        streamName: name,
        subjectPrefix: `events.${name}`,
        stream: { storage: "memory", maxBytes: 8 * 1024 ** 2, ...settings },
      });
    }

    before(async () => {
      server = await startNatsServer({ version, maxPayloadBytes: MAX_PAYLOAD });
      connection = await connect(server.url);
    }, { timeout: TIMEOUT_MS });
    after(async () => {
      await connection?.close();
      await server?.stop();
    });

    it("stores records in order, and gives each its sequence", options, async () => {
      const stream = await open();
      await using publisher = new NatsJobEventPublisher(connection, {
        subjectPrefix: stream.subjects.prefix,
      });
      assert.deepEqual(await publisher.append([]), []);
      const all = records(stream.subjects, "one", 2500, 7);
      // Appends that are under way at the same time follow each other, too.
      const halves = await Promise.all([
        publisher.append(all.slice(0, 1000)),
        publisher.append(all.slice(1000)),
      ]);
      const outcomes = halves.flat();
      assert.deepEqual(new Set(statuses(outcomes)), new Set(["stored"]));
      outcomes.forEach((outcome, index) => {
        assert.equal("sequence" in outcome && outcome.sequence, index + 1);
      });
      assert.deepEqual(await storedIds(stream), all.map(({ eventId }) => eventId));
      assert.equal(publisher.inFlight, 0);
    });

    it("stores an event once, however often it is sent", options, async () => {
      const stream = await open();
      const { prefix } = stream.subjects;
      await using publisher = new NatsJobEventPublisher(connection, { subjectPrefix: prefix });
      const [one, two] = records(stream.subjects, "twice", 2);
      assert.deepEqual(await publisher.append([one!, one!, two!]), [
        { status: "stored", sequence: 1 },
        { status: "duplicate", sequence: 1 },
        { status: "stored", sequence: 2 },
      ]);
      await using other = new NatsJobEventPublisher(connection, { subjectPrefix: prefix });
      assert.deepEqual(await other.append([two!]), [{ status: "duplicate", sequence: 2 }]);
      assert.equal((await stream.info()).state.messages, 2);
    });

    it("stores events of jobs with any id under one token", options, async () => {
      const stream = await open();
      await using publisher = new NatsJobEventPublisher(connection);
      const ids = [
        "a.b",
        "*",
        ">",
        "x y",
        "global",
        "🚀",
        "naïve",
        "a\r\nPUB x 0",
        "y".repeat(255),
      ];
      const sent = ids.map((id, index) => record(stream.subjects, id, `event-${index}`));
      const outcomes = await publisher.append(sent);
      assert.deepEqual(statuses(outcomes), ids.map(() => "stored"));
      const { state } = await stream.info({ subjectsFilter: `${stream.subjects.prefix}.*.>` });
      const tokens = Object.keys(state.subjects ?? {}).map((subject) => subject.split(".")[2]!);
      assert.deepEqual(tokens.map(decodeSubjectToken).sort(), [...ids].sort());
      for (const id of ["", "z".repeat(300), "🚀".repeat(300)]) {
        assert.throws(() => record(stream.subjects, id, "never"), TypeError);
      }
    });

    it("refuses ids and subjects that cannot be sent, and goes on", options, async () => {
      const stream = await open();
      const { prefix } = stream.subjects;
      const published: string[] = [];
      await using publisher = new NatsJobEventPublisher(
        observed(connection, (subject) => published.push(subject)),
      );
      const good = record(stream.subjects, "job", "good");
      const eventIds = ["a.b", "*", ">", "global", "🚀", "i".repeat(256)];
      const unfitIds = ["", "x y", "a\r\nb", "\ud800", "i".repeat(300)];
      const unfitSubjects = [
        "",
        `${prefix}.*.started`,
        `${prefix}.>`,
        `${prefix}..started`,
        "x y.z",
      ];
      const outcomes = await publisher.append([
        ...eventIds.map((eventId) => ({ ...good, eventId })),
        ...unfitIds.map((eventId) => ({ ...good, eventId })),
        ...unfitSubjects.map((subject) => ({ ...good, subject })),
        { ...good, subject: `${prefix}.${"s".repeat(5000)}` },
      ]);
      const expected = [...eventIds.map(() => "stored"), ...unfitIds.map(() => "rejected")];
      assert.deepEqual(statuses(outcomes).slice(0, expected.length), expected);
      for (const outcome of outcomes.slice(eventIds.length, -1)) {
        assert.match(failure(outcome), /^rejected ERR_INVALID_EVENT: Cannot store event/);
      }
      assert.match(
        failure(outcomes.at(-1)),
        /^rejected ERR_EVENT_TOO_LARGE: .* subject has 50\d\d/,
      );
      assert.deepEqual(published, eventIds.map(() => good.subject));
      assert.deepEqual(await storedIds(stream), eventIds);
    });

    it("sends what just fits, and never what the server would end it for", options, async () => {
      const stream = await open();
      await using publisher = new NatsJobEventPublisher(connection);
      const fits = sized(stream.subjects, "fits", MAX_PAYLOAD);
      const large = sized(stream.subjects, "large", MAX_PAYLOAD + 1);
      const before = connection.stats().outMsgs;
      const outcomes = await publisher.append([large, fits, large]);
      assert.deepEqual(statuses(outcomes), ["rejected", "stored", "rejected"]);
      assert.match(
        failure(outcomes[0]),
        /ERR_EVENT_TOO_LARGE: .*"large": its 4097 bytes, headers included, .* 4096 of the server/,
      );
      assert.equal(connection.stats().outMsgs - before, 1);
      assert.deepEqual(await storedIds(stream), ["fits"]);
      assert.doesNotMatch(server.logs(), /maximum payload/i);
    });

    it("says what the stream refuses for good, and stores the others", options, async () => {
      const stream = await open({ maxMsgSize: 1000 });
      await using publisher = new NatsJobEventPublisher(connection);
      const outcomes = await publisher.append([
        sized(stream.subjects, "large", 1001),
        sized(stream.subjects, "fits", 1000),
      ]);
      assert.match(failure(outcomes[0]), /^rejected ERR_EVENT_TOO_LARGE: .*\(10054\)/);
      assert.equal(outcomes[1]!.status, "stored");

      await using strict = new NatsJobEventPublisher(connection, { streamName: "ELSEWHERE" });
      const [outcome] = await strict.append([record(stream.subjects, "job", "strict")]);
      assert.match(failure(outcome), /^rejected ERR_STREAM_CONFIG: .*\(10060\)/);
    });

    it("is told to try again by a stream that is full", options, async () => {
      const stream = await open();
      await stream.request(`STREAM.UPDATE.${stream.name}`, {
        ...stream.config,
        discard: "new",
        max_msgs: 2,
      });
      await using publisher = new NatsJobEventPublisher(connection);
      const outcomes = await publisher.append(records(stream.subjects, "full", 3));
      assert.deepEqual(statuses(outcomes), ["stored", "stored", "retry"]);
      assert.match(failure(outcomes[2]), /ERR_UNAVAILABLE: .*maximum messages exceeded/);
      await stream.request(`STREAM.PURGE.${stream.name}`);
      assert.deepEqual(statuses(await publisher.append(records(stream.subjects, "full", 3))), [
        // What was purged is still known for the time of the duplicate window.
        "duplicate",
        "duplicate",
        "stored",
      ]);
    });

    it("tries again where no stream takes the subject", options, async () => {
      const subjects = new JobEventSubjects("nobody.here");
      await using publisher = new NatsJobEventPublisher(connection);
      const started = performance.now();
      const outcomes = await publisher.append(records(subjects, "none", 100));
      assert.ok(performance.now() - started < 2000, "no wait for the ack timeout");
      assert.deepEqual(new Set(statuses(outcomes)), new Set(["retry"]));
      assert.match(failure(outcomes[0]), /ERR_UNAVAILABLE: .*no stream takes it/);
    });

    it("needs two permissions, and says which one is missing", options, async () => {
      const guarded = await startNatsServer({
        version,
        accounts: `A { jetstream: enabled, users: [
          { user: owner, password: p }
          { user: emitter, password: p, permissions: {
            publish: "naq.jobs.events.>", subscribe: "_INBOX_emitter.>" } }
          { user: narrow, password: p, permissions: {
            publish: "naq.jobs.events.job-1.>", subscribe: "_INBOX.>" } }
        ] }`,
      });
      try {
        await using owner = await connect(guarded.url, { user: "owner", password: "p" });
        const small = { storage: "memory", maxBytes: 1024 ** 2 } as const;
        const stream = await openEventStream(owner, { stream: small });
        const sent = records(stream.subjects, "right", 4, 2);
        const emitter = { user: "emitter", password: "p" };
        const inboxPrefix = "_INBOX_emitter";

        await using deaf = await connect(guarded.url, emitter);
        await using unheard = new NatsJobEventPublisher(deaf);
        for (const outcome of await unheard.append(sent)) {
          assert.match(
            failure(outcome),
            /^rejected ERR_PERMISSION: .*subscribe to "_INBOX\..*an inboxPrefix that this user may/,
          );
        }
        assert.equal((await stream.info()).state.messages, 0, "nothing is sent without an inbox");

        await using narrow = await connect(guarded.url, { user: "narrow", password: "p" });
        await using some = new NatsJobEventPublisher(narrow);
        const outcomes = await within(some.append(sent), 3000);
        assert.deepEqual(statuses(outcomes), ["rejected", "stored", "rejected", "stored"]);
        assert.match(
          failure(outcomes[0]),
          /ERR_PERMISSION: .*publish to "naq\.jobs\.events\.job-0\./,
        );

        // The publisher takes the prefix of its connection, or one of its own.
        await using tuned = await connect(guarded.url, { ...emitter, inboxPrefix });
        await using first = new NatsJobEventPublisher(tuned);
        await using second = new NatsJobEventPublisher(deaf, { inboxPrefix });
        assert.deepEqual(statuses(await first.append(sent.slice(0, 1))), ["stored"]);
        assert.deepEqual(statuses(await second.append(sent.slice(2, 3))), ["stored"]);
      } finally {
        await guarded.stop();
      }
    });

    it("has no more under way than its window, in messages and in bytes", options, async () => {
      const stream = await open();
      const all = records(stream.subjects, "window", 300, 3);
      const size = all[0]!.payload.length;
      for (
        const [bounds, most] of [
          [{ maxInFlight: 10 }, 10],
          [{ maxInFlight: 1 }, 1],
          // Headers count, too: fewer than ten payloads fit.
          [{ maxInFlightBytes: size * 10 }, 9],
          [{ maxInFlightBytes: 1 }, 1],
        ] as const
      ) {
        for (const ordering of ["pipelined", "job"] as const) {
          let peak = 0;
          const publisher: NatsJobEventPublisher = new NatsJobEventPublisher(
            observed(connection, () => peak = Math.max(peak, publisher.inFlight + 1)),
            { ...bounds, ordering, subjectPrefix: stream.subjects.prefix },
          );
          await publisher.append(all);
          // Once more: what was acknowledged has left the window.
          peak = 0;
          const outcomes = await publisher.append(all);
          assert.deepEqual(new Set(statuses(outcomes)), new Set(["duplicate"]));
          await publisher.close();
          assert.ok(peak <= most, `${peak} were under way`);
          // With three jobs, the order of each allows three messages at a time.
          if (ordering === "pipelined") assert.ok(peak >= most / 2, `${peak} were under way`);
          else assert.equal(peak, Math.min(most, 3));
        }
      }
    });

    it("keeps the order of each job, and waits for no other one", options, async () => {
      const stream = await open();
      const published: string[] = [];
      await using publisher = new NatsJobEventPublisher(
        observed(connection, (subject) => published.push(subject.split(".")[2]!)),
        { ordering: "job", subjectPrefix: stream.subjects.prefix },
      );
      const sent = ["a.1", "a.2", "b.1", "b.2", "a.3", "b.3"].map((eventId) =>
        record(stream.subjects, eventId[0]!, eventId)
      );
      sent[3] = { ...sent[3]!, eventId: "" };
      const outcomes = await within(publisher.append(sent), 2000);
      const expected = ["stored", "stored", "stored", "rejected", "stored", "stored"];
      assert.deepEqual(statuses(outcomes), expected);
      assert.deepEqual(published.slice(0, 2), ["a", "b"], "each job's first one at once");
      assert.deepEqual(published.length, 5);
      assert.deepEqual((await storedIds(stream)).filter((id) => id.startsWith("a")), [
        "a.1",
        "a.2",
        "a.3",
      ]);
    });
  });
}
