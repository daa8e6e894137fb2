import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { apiErrorOf, hasApiErrorCode } from "../../src/nats/api_error.ts";
import type { NatsServerInfoLike } from "../../src/nats/connection.ts";
import { jsApiRequest } from "../../src/nats/js_api.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { connect, type TestConnection, TIMEOUT_MS } from "./publishing.ts";

const options = { skip: natsSkipReason(), timeout: TIMEOUT_MS };
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What answers in the place of JetStream; `undefined` says nothing. */
type Script = (subject: string, body: Record<string, unknown>) => unknown;

describe("jsApiRequest()", options, () => {
  let server: NatsServer;
  before(async () => void (server = await startNatsServer({ jetStream: false })), {
    timeout: TIMEOUT_MS,
  });
  after(() => server?.stop());

  /** Answers requests by a script, and notes them. */
  async function scripted(
    script: Script,
    body: (connection: TestConnection, asked: string[]) => Promise<void>,
  ): Promise<void> {
    await using connection = await connect(server.url);
    const asked: string[] = [];
    connection.subscribe("$JS.API.>", {
      callback: (_error, { subject, data, reply }) => {
        asked.push(subject.slice("$JS.API.".length));
        const request = data.length === 0 ? {} : JSON.parse(decoder.decode(data));
        const answer = script(asked.at(-1)!, request);
        if (answer === undefined) return;
        const text = typeof answer === "string" ? answer : JSON.stringify(answer);
        connection.publish(reply!, encoder.encode(text));
      },
    });
    await connection.flush();
    await body(connection, asked);
  }

  it(
    "asks a question again that nobody answered, and changes nothing twice",
    options,
    async () => {
      let silent = 1;
      await scripted(() => silent-- > 0 ? undefined : { ok: true }, async (connection, asked) => {
        const timing = { timeoutMs: 400 };
        assert.deepEqual(await jsApiRequest(connection, "STREAM.INFO.S", undefined, timing), {
          ok: true,
        });
        assert.deepEqual(asked, ["STREAM.INFO.S", "STREAM.INFO.S"]);
        for (const subject of ["STREAM.PURGE.S", "STREAM.MSG.DELETE.S", "CONSUMER.CREATE.S.INFO"]) {
          asked.length = 0;
          silent = 1;
          await assert.rejects(jsApiRequest(connection, subject, {}, { timeoutMs: 100 }), {
            code: "ERR_TIMEOUT",
            message: `Cannot ask JetStream for ${subject}: no answer in time`,
          });
          assert.deepEqual(asked, [subject]);
        }
        asked.length = 0;
        silent = 9;
        const started = performance.now();
        await assert.rejects(jsApiRequest(connection, "INFO", undefined, timing), {
          code: "ERR_TIMEOUT",
        });
        assert.ok(performance.now() - started < 1000);
        assert.deepEqual(asked, ["INFO", "INFO"]);
      });
    },
  );

  it("waits for a server that is busy, and not for one that refuses", options, async () => {
    const errors = [
      { code: 503, err_code: 10008, description: "JetStream system temporarily unavailable" },
      { code: 429, err_code: 10167, description: "too many requests" },
    ];
    await scripted(() => {
      const error = errors.shift();
      return error === undefined ? { done: 1 } : { error };
    }, async (connection, asked) => {
      assert.deepEqual(await jsApiRequest(connection, "STREAM.PURGE.S"), { done: 1 });
      assert.equal(asked.length, 3);
    });
    const error = { code: 404, err_code: 10059, description: "stream not found" };
    await scripted(() => ({ error }), async (connection, asked) => {
      await assert.rejects(jsApiRequest(connection, "STREAM.PURGE.S"), (thrown: Error) => {
        assert.match(thrown.message, /STREAM\.PURGE\.S: stream not found \(10059\)/);
        assert.equal((thrown as { code?: unknown }).code, "ERR_NOT_FOUND");
        assert.equal(hasApiErrorCode(thrown, 10059), true);
        // Also underneath other errors, and in nothing else.
        assert.deepEqual(apiErrorOf(new Error("outer", { cause: thrown })), error);
        assert.equal(apiErrorOf(new Error("other")), undefined);
        assert.equal(apiErrorOf(undefined), undefined);
        return true;
      });
      assert.equal(asked.length, 1);
    });
    await scripted(() => "<html>", async (connection) => {
      await assert.rejects(jsApiRequest(connection, "INFO"), /the answer is no JSON/);
    });
  });

  it("waits for somebody who answers, unless there is no JetStream", options, async () => {
    await using connection = await connect(server.url);
    const started = performance.now();
    await assert.rejects(jsApiRequest(connection, "INFO"), { code: "ERR_UNSUPPORTED" });
    assert.ok(performance.now() - started < 500, "at once");
    // In a cluster another member may have it, and be away for a moment.
    const info: NatsServerInfoLike = { ...connection.info!, cluster: "c" };
    const member = Object.create(connection, { info: { value: info } }) as TestConnection;
    const asking = jsApiRequest(member, "INFO");
    setTimeout(() => {
      connection.subscribe("$JS.API.INFO", {
        callback: (_error, { reply }) => connection.publish(reply!, encoder.encode("{}")),
      });
    }, 100);
    assert.deepEqual(await asking, {});
    await assert.rejects(jsApiRequest(member, "STREAM.INFO.S", {}, { timeoutMs: 100 }), {
      code: "ERR_UNAVAILABLE",
      message: /nobody answers/,
    });
  });

  it("finds the stream of a quicker creator when it can be found", options, async () => {
    const notFound = { error: { code: 404, err_code: 10059, description: "stream not found" } };
    const inUse = { error: { code: 400, err_code: 10058, description: "name already in use" } };
    const theirs = { config: { name: "S", subjects: ["naq.jobs.events.>"], max_msgs: 7 } };
    // So it was seen in a cluster of three, with several creators.
    const answers = [notFound, inUse, notFound, notFound, theirs];
    await scripted(() => answers.shift(), async (connection, asked) => {
      const stream = await openEventStream(connection, { streamName: "S" });
      assert.equal(stream.config.max_msgs, 7);
      const verbs = asked.map((subject) => subject.split(".")[1]);
      assert.deepEqual(verbs, ["INFO", "CREATE", "INFO", "INFO", "INFO"]);
    });
    let created = 0;
    await scripted((subject) => {
      if (subject.includes("INFO")) return notFound;
      created++;
      return inUse;
    }, async (connection) => {
      const opening = openEventStream(connection, { streamName: "S", timeoutMs: 200 });
      await assert.rejects(opening, { code: "ERR_STREAM_CONFIG", message: /10058/ });
      assert.equal(created, 1);
    });
  });

  it("counts the subjects of a stream over all pages", options, async () => {
    const all = Array.from({ length: 7 }, (_, index) => [`naq.jobs.events.${index}.x`, 1] as const);
    const config = { name: "NAQ_JOB_EVENTS", subjects: ["naq.jobs.events.>"] };
    await scripted((_subject, { subjects_filter, offset }) => {
      if (subjects_filter === undefined) return { config, state: { messages: 7 } };
      const at = Number(offset);
      const subjects = Object.fromEntries(all.slice(at, at + 3));
      return { config, state: { messages: 7, subjects }, total: 7, offset: at, limit: 3 };
    }, async (connection, asked) => {
      const stream = await openEventStream(connection);
      const { state } = await stream.info({ subjectsFilter: "naq.jobs.events.*.x" });
      assert.deepEqual(state.subjects, Object.fromEntries(all));
      assert.equal(asked.length, 4);
    });
  });
});
