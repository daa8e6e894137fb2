/** doctor, health and dashboard, and how commands end while a server says nothing. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect } from "@nats-io/transport-node";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { openStorage } from "../../src/open.ts";
import type { FindingJson } from "../../src/cli/types.ts";
import { eventually, temporaryDirectory } from "../helpers.ts";
import { run, start, TIMEOUT_MS } from "./cli.ts";
import { addDeadLetters, fill } from "./filled.ts";

const LONG = { timeout: TIMEOUT_MS };
const skip = natsSkipReason();

/** The users of docs/nats.md with passwords; see tests/nats/permissions_test.ts. */
async function usersOfDocument(): Promise<string> {
  const document = await readFile(new URL("../../docs/nats.md", import.meta.url), "utf8");
  const [, users] = /```conf\n[^]*?\n(authorization \{\n[^]*?\n\})\n```/.exec(document) ?? [];
  assert.ok(users, "docs/nats.md has users");
  return users.replaceAll(/\$(\w+)_PASSWORD/g, "secret");
}

function as(server: NatsServer, user: string): readonly string[] {
  const url = server.url.replace("//", `//${user}:secret@`);
  return ["--storage", url, "--inbox-prefix", `_INBOX_${user}`];
}

async function findings(args: readonly string[]): Promise<readonly [number | null, FindingJson[]]> {
  const { code, out, err } = await run(["doctor", "--format", "json", ...args]);
  assert.notEqual(out, "", err);
  return [code, JSON.parse(out)];
}

function problems(found: readonly FindingJson[]): readonly string[] {
  return found.filter(({ level }) => level === "problem").map(({ message }) => message);
}

for (const version of ["current", "floor"] as const) {
  describe(`doctor on NATS ${version}`, { skip, ...LONG }, () => {
    let server: NatsServer;
    before(async () => {
      server = await startNatsServer({ version, config: await usersOfDocument() });
      const operator = { connect: { inboxPrefix: "_INBOX_operator" } };
      const [, url = ""] = as(server, "operator");
      const nats = { stream: { maxBytes: 2 ** 24 } };
      await using storage = await openStorage(url, { ...operator, nats });
      await fill(storage);
      await addDeadLetters(storage);
    }, LONG);
    after(() => server?.stop());

    it("finds that the documented users may do what they are for, and no more", LONG, async () => {
      await Promise.all(["emitter", "reader", "operator"].map(async (role) => {
        const [code, found] = await findings([...as(server, role), "--role", role]);
        assert.deepEqual(problems(found), [], role);
        assert.equal(code, 0);
      }));
      const [, url = ""] = as(server, "operator");
      await using storage = await openStorage(url, { connect: { inboxPrefix: "_INBOX_operator" } });
      const { messages, consumers } = await storage.healthCheck();
      assert.deepEqual({ messages, consumers }, { messages: 12, consumers: 1 }, "nothing changed");
    });

    it("tells of the version, the replicas and the dead letters", LONG, async () => {
      const [, found] = await findings(as(server, "operator"));
      const text = found.map(({ check, level, message }) => `${level} ${check}: ${message}`);
      const has = (pattern: RegExp) => assert.match(text.join("\n"), pattern);
      has(version === "floor" ? /warning server: Version 2\.9/ : /ok server: Version 2\.1\d/);
      has(/warning durability: One replica/);
      has(/warning durability: .*sync_interval/);
      has(/ok stream: NAQ_JOB_EVENTS, .*maxBytes is 16777216/);
      has(/warning dead letters: Groups gave up on 2 events/);
    });

    // What a user may do is decided by the same requests on both.
    if (version === "floor") return;

    it("finds what is missing and what is too much", LONG, async () => {
      const [missing, tooMuch, noInbox] = await Promise.all([
        findings([...as(server, "emitter"), "--role", "reader"]),
        findings([...as(server, "operator"), "--role", "emitter"]),
        findings(as(server, "reader").slice(0, 2)),
      ]);
      assert.equal(missing[0], 1);
      const remedies = missing[1].map(({ remedy }) => remedy).join("\n");
      assert.match(
        remedies,
        /Allow it to publish to "\$JS\.API\.CONSUMER\.CREATE\.NAQ_JOB_EVENTS\.>/,
      );
      assert.match(problems(tooMuch[1]).join(), /"emitter" need not .*delete events/);
      assert.match(problems(noInbox[1]).join("\n"), /may not subscribe to "_INBOX\./);
    });

    it("an emitter, which may do nothing else, can emit", LONG, async () => {
      const { code, out, err } = await run(["emit", "a", "cancelled", ...as(server, "emitter")]);
      assert.deepEqual([code, out], [0, "Stored 1 event\n"], err);
      const refused = await run(["emit", "a", "cancelled", ...as(server, "reader")]);
      assert.equal(refused.code, 5, refused.err);
      assert.match(refused.err, /^naq-events: .*not allow.*\n$/);
      assert.equal((await run(["delete", "a", ...as(server, "reader")])).code, 5);
    });
  });
}

describe("doctor", { skip, ...LONG }, () => {
  it("finds a stream that loses events", LONG, async () => {
    await using server = await startNatsServer();
    const connection = await connect({ servers: server.url });
    const config = {
      name: "NAQ_JOB_EVENTS",
      subjects: ["naq.jobs.>"],
      retention: "limits",
      storage: "memory",
      discard: "new",
      max_msgs_per_subject: 1,
      max_msgs: 10,
      deny_purge: true,
    };
    await connection.request("$JS.API.STREAM.CREATE.NAQ_JOB_EVENTS", JSON.stringify(config));
    for (let job = 0; job < 9; job++) {
      connection.publish(`naq.jobs.events.job-${job}.lifecycle.cancelled`, "no event");
    }
    await connection.flush();
    await connection.close();
    const [code, found] = await findings(["--storage", server.url]);
    assert.equal(code, 1);
    const text = found.map(({ level, message }) => `${level} ${message}`).join("\n");
    assert.match(text, /problem It keeps 1 messages a subject: histories have holes/);
    assert.match(text, /warning It refuses new events when it is full/);
    assert.match(text, /warning It is kept in memory/);
    assert.match(text, /warning It denies deletion/);
    assert.match(text, /warning 90% of the 10 events are used/);
    assert.match(text, /warning It asks for no credentials/);
    const { code: exported, err } = await run(["export", "--storage", server.url]);
    assert.equal(exported, 0);
    assert.match(err, /Passed over 9 messages that cannot be decoded/);
  });

  it("looks at a file", LONG, async () => {
    await using directory = await temporaryDirectory();
    const url = `sqlite:${join(directory.path, "events.sqlite")}`;
    {
      await using storage = await openStorage(url);
      await fill(storage);
      await addDeadLetters(storage);
    }
    const [code, found] = await findings(["--storage", url]);
    assert.equal(code, 0);
    assert.match(found.map(({ message }) => message).join("\n"), /12 events.*[^]*gave up on 2/);
  });
});

describe("a server that says nothing", LONG, () => {
  it("is not available to health, and Ctrl-C ends the wait for it", LONG, async () => {
    let connections = 0;
    const silent = createServer(() => connections++).listen(0, "127.0.0.1");
    await once(silent, "listening");
    try {
      const url = `nats://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      await using waiting = start(["count", "--storage", url]);
      await eventually(() => connections > 0, { timeoutMs: 30_000, what: "a connection" });
      waiting.interrupt();
      const { code, err } = await waiting.ended;
      assert.deepEqual([code, err], [130, ""]);
      const health = await run([
        "health",
        "--timeout",
        "200ms",
        "--format",
        "json",
        "--storage",
        url,
      ]);
      assert.deepEqual([health.code, health.err], [4, ""]);
      const { status, error } = JSON.parse(health.out);
      assert.equal(status, "disconnected");
      assert.match(error, /no answer within 200 ms; is it a NATS server\?/);
    } finally {
      silent.close();
    }
  });
});

describe("dashboard", LONG, () => {
  const serve = async (
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    look: (url: string, err: () => string) => Promise<void>,
  ): Promise<void> => {
    await using directory = await temporaryDirectory();
    const url = `sqlite:${join(directory.path, "events.sqlite")}`;
    {
      await using storage = await openStorage(url);
      await fill(storage);
    }
    const given = ["dashboard", "--port", "0", "--format", "ndjson", "--storage", url, ...args];
    await using running = start(given, env);
    running.child.stdin.end();
    const { printed } = running;
    await eventually(() => printed.out.includes("\n"), { timeoutMs: 30_000, what: printed.err });
    await look(JSON.parse(printed.out).url, () => printed.err);
    running.interrupt();
    assert.equal((await running.ended).code, 130, printed.err);
  };

  it("is served until Ctrl-C", LONG, () =>
    serve([], {}, async (url) => {
      const response = await fetch(url);
      assert.equal(response.status, 200);
      assert.match(await response.text(), /<title>Job events/);
    }));

  it(
    "asks for a password where actions are allowed",
    LONG,
    () =>
      serve(["--allow-actions", "--title", "Night shift"], {}, async (url, err) => {
        const job = new URL("api/job?id=job-1", url);
        const refused = await fetch(job);
        assert.equal(refused.status, 401);
        assert.match(refused.headers.get("www-authenticate") ?? "", /^Basic /);
        await refused.body?.cancel();
        const [, password = ""] = /with the password (\S+);/.exec(err()) ?? [];
        for (const [given, status] of [[password, 200], [`${password}x`, 401]] as const) {
          const authorization = `Basic ${btoa(`anyone:${given}`)}`;
          const response = await fetch(job, { headers: { authorization } });
          assert.equal(response.status, status);
          await response.body?.cancel();
        }
      }),
  );
});
