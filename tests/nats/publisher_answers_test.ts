/** The publisher against answers that a test writes: late, foreign, busy, none. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { JobEventSubjects } from "../../src/event/subjects.ts";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { eventually, within } from "../helpers.ts";
import { connect, failure, records, statuses, TIMEOUT_MS } from "./publishing.ts";

const options = { skip: natsSkipReason(), timeout: TIMEOUT_MS };

describe("NatsJobEventPublisher", options, () => {
  let server: NatsServer;
  before(async () => void (server = await startNatsServer()), { timeout: TIMEOUT_MS });
  after(() => server?.stop());

  it("ends with its close, and leaves the connection open", options, async () => {
    await using connection = await connect(server.url);
    const subjects = new JobEventSubjects("silent");
    // Somebody listens, so that there are responders, and never answers.
    connection.subscribe("silent.>", { callback: () => {} });
    const publisher = new NatsJobEventPublisher(connection);
    const appending = publisher.append(records(subjects, "close", 3));
    await eventually(() => publisher.inFlight === 3, { what: "three messages under way" });
    await publisher.close();
    const outcomes = await within(appending, 500);
    assert.match(failure(outcomes[0]), /^retry ERR_CLOSED: .*the publisher is closed/);
    assert.equal(publisher.inFlight, 0);
    await publisher.close();
    await assert.rejects(publisher.append([]), { name: "JobEventError", code: "ERR_CLOSED" });
    assert.equal(connection.isClosed(), false);
    await connection.flush();
    const { connections } = await server.monitor("/connz?subs=1") as {
      connections: { subscriptions_list?: string[] }[];
    };
    assert.deepEqual(connections.flatMap((each) => each.subscriptions_list ?? []), ["silent.>"]);
  });

  it("gives up when its signal aborts, and serves others", options, async () => {
    await using connection = await connect(server.url);
    connection.subscribe("silent.>", { callback: () => {} });
    const stream = await openEventStream(connection, {
      stream: { storage: "memory", maxBytes: 1e6 },
    });
    await using publisher = new NatsJobEventPublisher(connection, { maxInFlight: 2 });
    const abort = new AbortController();
    const silent = publisher.append(records(new JobEventSubjects("silent"), "abort", 5), {
      signal: abort.signal,
    });
    const behind = publisher.append(records(stream.subjects, "behind", 5));
    await eventually(() => publisher.inFlight === 2, { what: "a full window" });
    abort.abort(new Error("enough"));
    const outcomes = await within(silent, 500);
    assert.deepEqual(statuses(outcomes), Array(5).fill("retry"));
    assert.match(failure(outcomes[0]), /ERR_TIMEOUT: .*the wait was given up/);
    assert.deepEqual(statuses(await within(behind, 2000)), Array(5).fill("stored"));

    const aborted = await publisher.append(records(stream.subjects, "late", 1), {
      signal: AbortSignal.abort(),
    });
    assert.deepEqual(statuses(aborted), ["retry"]);
    assert.equal((await stream.info()).state.messages, 5);
  });

  it("takes no answer for another message's", options, async () => {
    await using connection = await connect(server.url);
    const replies: string[] = [];
    connection.subscribe("echo.>", {
      callback: (_error, { reply }) => replies.push(reply ?? ""),
    });
    const answer = (reply: string, text: string): void =>
      connection.publish(reply, new TextEncoder().encode(text));
    await using publisher = new NatsJobEventPublisher(connection, { ackTimeoutMs: 150 });
    const subjects = new JobEventSubjects("echo");
    const first = await publisher.append(records(subjects, "first", 1));
    assert.match(failure(first[0]), /^retry ERR_TIMEOUT: .*within 150 ms/);

    const second = publisher.append(records(subjects, "second", 1));
    await eventually(() => replies.length === 2, { what: "the second message" });
    const [late, own] = replies;
    answer(late!, '{"stream":"S","seq":1}');
    answer(own!, "not an acknowledgement");
    answer(own!.replace(/[^.]*$/, "zzz"), '{"stream":"S","seq":3}');
    answer(own!, '{"stream":"S","seq":2}');
    answer(own!, '{"stream":"S","seq":4}');
    assert.deepEqual(await second, [{ status: "stored", sequence: 2 }]);
  });

  it("refuses an answer of another stream than the one it is for", options, async () => {
    await using connection = await connect(server.url);
    // A server that does not look at the header, or a service that plays one.
    connection.subscribe("other.>", {
      callback: (_error, { reply }) =>
        connection.publish(reply!, new TextEncoder().encode('{"stream":"OTHER","seq":1}')),
    });
    await using publisher = new NatsJobEventPublisher(connection, { streamName: "MINE" });
    const outcomes = await publisher.append(records(new JobEventSubjects("other"), "other", 2));
    for (const outcome of outcomes) {
      assert.match(failure(outcome), /^rejected ERR_STREAM_CONFIG: .*"OTHER" took it, not "MINE"/);
    }
  });

  it("tells busy from refused by the answer", options, async () => {
    await using connection = await connect(server.url);
    let answer = "";
    connection.subscribe("scripted.>", {
      callback: (_error, { reply }) => connection.publish(reply!, new TextEncoder().encode(answer)),
    });
    await using publisher = new NatsJobEventPublisher(connection);
    const subjects = new JobEventSubjects("scripted");
    for (
      const [code, errCode, description, expected] of [
        [429, 10167, "too many requests", "retry ERR_UNAVAILABLE"],
        [503, 10008, "JetStream system temporarily unavailable", "retry ERR_UNAVAILABLE"],
        [503, 10077, "insufficient storage", "retry ERR_UNAVAILABLE"],
        [500, 10023, "insufficient resources", "retry ERR_UNAVAILABLE"],
        [500, 10047, "insufficient storage resources available", "retry ERR_STREAM_CONFIG"],
        [409, 10158, "duplicate message id is in process", "retry ERR_UNAVAILABLE"],
        [400, 10054, "message size exceeds maximum allowed", "rejected ERR_EVENT_TOO_LARGE"],
        [400, 10109, "invalid operation on sealed stream", "rejected ERR_STREAM_CONFIG"],
        [400, 10060, "expected stream does not match", "rejected ERR_STREAM_CONFIG"],
      ] as const
    ) {
      answer = JSON.stringify({ error: { code, err_code: errCode, description } });
      const [outcome] = await publisher.append(records(subjects, `answer-${errCode}`, 1));
      assert.ok(failure(outcome).startsWith(`${expected}: `), failure(outcome));
      assert.match(failure(outcome), new RegExp(`${description} \\(${errCode}\\)`));
    }
  });

  it("sends nothing after what has to be sent again", options, async () => {
    await using connection = await connect(server.url);
    const busy = { error: { code: 429, err_code: 10167, description: "too many requests" } };
    const seen: string[] = [];
    connection.subscribe("held.>", {
      callback: (_error, { subject, reply }) => {
        seen.push(subject.split(".")[1]!);
        const answer = seen.length === 2 ? busy : { stream: "S", seq: seen.length };
        connection.publish(reply!, new TextEncoder().encode(JSON.stringify(answer)));
      },
    });
    const subjects = new JobEventSubjects("held");
    for (
      const [ordering, expected, sent] of [
        ["pipelined", ["stored", "retry", "stored", "retry", "retry", "retry"], 3],
        // The third is of the same job as the first, and what is under way gets its own outcome.
        ["job", ["stored", "retry", "stored", "retry", "retry", "retry"], 3],
      ] as const
    ) {
      seen.length = 0;
      await using publisher = new NatsJobEventPublisher(connection, {
        ordering,
        maxInFlight: 2,
        subjectPrefix: "held",
      });
      const outcomes = await publisher.append(records(subjects, ordering, 6, 2));
      assert.deepEqual(statuses(outcomes), expected);
      assert.equal(seen.length, sent);
      assert.match(failure(outcomes[1]), /too many requests/);
      assert.match(failure(outcomes[3]), /ERR_UNAVAILABLE: .*an earlier one has to be sent again/);
    }
  });

  it("refuses options that cannot be used", options, async () => {
    await using connection = await connect(server.url);
    for (const name of ["maxInFlight", "maxInFlightBytes", "ackTimeoutMs"]) {
      for (const value of [0, -1, 1.5, Number.NaN]) {
        const make = (): unknown => new NatsJobEventPublisher(connection, { [name]: value });
        assert.throws(make, { name: "RangeError", message: new RegExp(name) });
      }
    }
    for (
      const wrong of [
        { streamName: "a b" },
        { streamName: "" },
        { streamName: "a\r\nb" },
        { subjectPrefix: "a.*" },
        { inboxPrefix: "a..b" },
        { ordering: "none" as "job" },
      ]
    ) {
      assert.throws(() => new NatsJobEventPublisher(connection, wrong), TypeError);
    }
  });

  it("tries again on a connection that is closed", options, async () => {
    const connection = await connect(server.url);
    await using used = new NatsJobEventPublisher(connection);
    const subjects = new JobEventSubjects("silent");
    connection.subscribe("silent.>", { callback: () => {} });
    const appending = used.append(records(subjects, "used", 2));
    await connection.flush();
    await connection.close();
    assert.match(failure((await within(appending, 500))[0]), /^retry ERR_CLOSED/);
    await using fresh = new NatsJobEventPublisher(connection);
    for (const publisher of [used, fresh]) {
      const outcomes = await within(publisher.append(records(subjects, "closed", 2)), 500);
      assert.match(failure(outcomes[1]), /^retry ERR_CLOSED: .*the connection is closed/);
    }
  });
});
