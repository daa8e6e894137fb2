import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connect } from "../../src/connect/mod.ts";
import { connect as connectNode } from "../../src/connect/node.ts";
import type { ConnectOptions } from "../../src/connect/options.ts";
import { toSettings } from "../../src/connect/settings.ts";
import { connect as connectWs } from "../../src/connect/ws.ts";
import { makeUser } from "./servers.ts";

const SECRET = "hush-hush";
const nats = "nats://localhost:4222";

function refuses(options: ConnectOptions, message: RegExp): void {
  assert.throws(() => toSettings(options), (error: Error & { code?: string }) => {
    assert.equal(error.code, "ERR_CONFIGURATION", error.message);
    assert.match(error.message, message);
    assert.ok(!error.message.includes(SECRET), `a secret is in the message: ${error.message}`);
    assert.ok(!String(error.stack).includes(SECRET));
    return true;
  });
}

describe("connect() options", () => {
  it("understands the URLs of servers", () => {
    const cases: Record<string, [string, string]> = {
      "nats://localhost": ["tcp", "nats://localhost:4222"],
      "localhost:4333": ["tcp", "nats://localhost:4333"],
      "127.0.0.1": ["tcp", "nats://127.0.0.1:4222"],
      "tls://nats.example.com": ["tcp", "tls://nats.example.com:4222"],
      "nats://[::1]:4222/": ["tcp", "nats://[::1]:4222"],
      "nats://user:p%40ss@host:80": ["tcp", "nats://host:80"],
      "NATS://Host": ["tcp", "nats://host:4222"],
      "ws://host": ["websocket", "ws://host:80"],
      "wss://host/nats?region=eu": ["websocket", "wss://host:443/nats?region=eu"],
      "nats://a:1, nats://b:2": ["tcp", "nats://a:1, nats://b:2"],
    };
    for (const [servers, [kind, shown]] of Object.entries(cases)) {
      const settings = toSettings({ servers });
      assert.deepEqual([settings.kind, settings.shown], [kind, shown], servers);
    }
  });

  it("refuses URLs that it does not understand, by name and without their secrets", () => {
    refuses({ servers: "http://host" }, /"http:\/\/host": use nats:\/\//);
    refuses({ servers: "nats://" }, /"nats:\/\/"/);
    refuses({ servers: "" }, /""/);
    refuses({ servers: [] }, /there is none/);
    refuses({ servers: "nats://host:99999" }, /"nats:\/\/host:99999"/);
    refuses({ servers: `nats://user:${SECRET}@ho st` }, /"nats:\/\/\*\*\*@ho st"/);
    refuses({ servers: `http://user:${SECRET}@host` }, /"http:\/\/\*\*\*@host"/);
    refuses({ servers: `nats://user:${SECRET}%@host` }, /percent-encoded/);
    refuses({ servers: "nats://host/path" }, /nothing may follow the port/);
    refuses({ servers: ["nats://a", "ws://b"] }, /TCP and WebSocket cannot be mixed/);
  });

  it("refuses credentials that cannot be meant, without showing them", () => {
    const user = `user:${SECRET}`;
    refuses({ servers: nats, token: SECRET, user: "u", password: SECRET }, /\(token, user\)/);
    refuses({ servers: `nats://${user}@a`, token: SECRET }, /\(token, a URL\)/);
    refuses({ servers: [`nats://${user}@a`, "nats://u:p@b"] }, /different credentials/);
    refuses({ servers: nats, user: "u" }, /user is given without password/);
    refuses({ servers: nats, password: SECRET }, /password is given without user/);
    refuses({ servers: nats, nkey: SECRET }, /nkey is not the seed/);
    refuses({ servers: nats, nkey: `SU${SECRET}` }, /nkey is not the seed/);
    refuses({ servers: nats, nkey: makeUser().id }, /nkey is not the seed/);
    refuses({ servers: nats, creds: SECRET }, /creds is not the contents/);
  });

  it("refuses TLS settings that cannot be meant", () => {
    const pem = `-----BEGIN PRIVATE KEY-----${SECRET}`;
    refuses({ servers: nats, tls: { ca: "ca.pem" } }, /tls\.ca is not a text in PEM/);
    refuses({ servers: nats, tls: { key: pem } }, /tls\.key is given alone/);
    refuses({ servers: nats, tls: { cert: pem } }, /tls\.cert is given alone/);
    refuses({ servers: "wss://host", tls: {} }, /not for WebSocket/);
  });

  it("refuses inbox prefixes that are no subjects", () => {
    for (const inboxPrefix of ["", "a b", "a.*", "a.>", ".a", "a.", "a..b"]) {
      refuses({ servers: nats, inboxPrefix }, /inboxPrefix/);
    }
    assert.equal(toSettings({ servers: nats, inboxPrefix: "_INBOX.me" }).kind, "tcp");
  });

  it("refuses numbers out of range", () => {
    const cases: Partial<ConnectOptions>[] = [
      { timeoutMs: 0 },
      { timeoutMs: 1.5 },
      { timeoutMs: NaN },
      { maxReconnectAttempts: -2 },
      { reconnectWaitMs: -1 },
      { reconnectJitterMs: Infinity },
      { pingIntervalMs: 0 },
    ];
    for (const each of cases) {
      const [name] = Object.keys(each);
      assert.throws(() => toSettings({ servers: nats, ...each }), (error: Error) => {
        assert.equal(error.name, "RangeError");
        assert.ok(error.message.includes(name!), error.message);
        return true;
      });
    }
  });

  it("waits between attempts for as long as it is told, at random up to the jitter", () => {
    const { library } = toSettings({ servers: nats, reconnectWaitMs: 100, reconnectJitterMs: 50 });
    const waits = Array.from({ length: 500 }, () => library.reconnectDelayHandler!());
    assert.ok(waits.every((wait) => wait >= 100 && wait <= 150));
    assert.ok(new Set(waits).size > 10);
  });

  it("rejects, and never throws", async () => {
    for (const open of [connect, connectNode, connectWs]) {
      await assert.rejects(open({ servers: "http://host" }), { code: "ERR_CONFIGURATION" });
    }
  });

  it("names the entry point that a URL needs", async () => {
    await assert.rejects(connectNode({ servers: "ws://host" }), {
      code: "ERR_CONFIGURATION",
      message: /ws:\/\/host:80: use nats:\/\/ or tls:\/\//,
    });
    await assert.rejects(connectWs({ servers: nats }), {
      code: "ERR_CONFIGURATION",
      message: /use ws:\/\/ or wss:\/\//,
    });
  });
});
