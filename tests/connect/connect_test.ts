import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { makeOperator } from "../../scripts/nats/operator.ts";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { connect as connectDeno } from "../../src/connect/deno.ts";
import { connect } from "../../src/connect/mod.ts";
import { connect as connectNode } from "../../src/connect/node.ts";
import { connect as connectWs } from "../../src/connect/ws.ts";
import { permissionViolation } from "../../src/nats/foreign_errors.ts";
import { eventually, within } from "../helpers.ts";
import { makeClientCertificate } from "./certificates.ts";
import { clients, exercise, makeUser, TIMEOUT_MS, using, withServer } from "./servers.ts";

const skip = natsSkipReason();
const options = { skip, timeout: TIMEOUT_MS };
const isDeno = process.versions["deno"] !== undefined;

/** A port where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("connect()", options, () => {
  it("opens a connection by each entry point, and closing it leaves nothing", options, async () => {
    await withServer({ websocket: true }, async (server) => {
      const opens = [
        () => connect({ servers: server.url }),
        () => connect({ servers: server.wsUrl! }),
        () => connectNode({ servers: `127.0.0.1:${server.port}` }),
        () => connectWs({ servers: [server.wsUrl!] }),
        ...(isDeno ? [() => connectDeno({ servers: server.url })] : []),
      ];
      for (const open of opens) {
        await using(open(), async (connection) => {
          await exercise(connection);
          assert.equal(connection.isClosed(), false);
          assert.equal(await clients(server), 1);
        });
      }
      await eventually(async () => await clients(server) === 0, { what: "no client" });
    });
  });

  it("tells the server its name", options, async () => {
    await withServer({}, async (server) => {
      await using(connect({ servers: server.url }), async () => {
        const seen = JSON.stringify(await server.monitor("/connz"));
        assert.match(seen, /"name":\s*"naq-events"/);
      });
      await using(connect({ servers: server.url, name: "mine" }), async () => {
        assert.match(JSON.stringify(await server.monitor("/connz")), /"name":\s*"mine"/);
      });
    });
  });

  it("takes the next server when one is not there", options, async () => {
    await withServer({}, async (server) => {
      const dead = `nats://127.0.0.1:${await closedPort()}`;
      // The order is random, so once is not enough.
      for (const maxReconnectAttempts of [-1, 0, 0, 0, 1, 1, 1]) {
        const servers = [dead, server.url];
        await using(connect({ servers, maxReconnectAttempts }), (each) => exercise(each));
      }
    });
  });

  it("ends all that belongs to a connection when it is closed", options, async () => {
    await withServer({}, async (server) => {
      const connection = await connect({ servers: server.url });
      const closed = connection.closed();
      await connection.close();
      assert.equal(await within(closed), undefined);
      assert.equal(connection.isClosed(), true);
      assert.throws(() => connection.publish("a"), { name: "ClosedConnectionError" });
    });
  });
});

describe("connect() credentials", options, () => {
  it("knows tokens, as an option and in the URL", options, async () => {
    await withServer({ authorization: `token: "a+b/c@d"`, websocket: true }, async (server) => {
      const token = "a+b/c@d";
      const inUrl = server.url.replace("://", `://${encodeURIComponent(token)}@`);
      await using(connect({ servers: server.url, token }), (connection) => exercise(connection));
      await using(connect({ servers: server.wsUrl!, token }), (connection) => exercise(connection));
      await using(connect({ servers: inUrl }), (connection) => exercise(connection));
      await assert.rejects(connect({ servers: server.url, token: "wrong" }), {
        code: "ERR_PERMISSION",
        message: `Cannot connect to ${server.url}: the server refuses these credentials`,
      });
      await assert.rejects(connect({ servers: server.wsUrl!, token: "wrong" }), {
        code: "ERR_PERMISSION",
      });
      await assert.rejects(connect({ servers: server.url }), {
        code: "ERR_PERMISSION",
        message: /wants credentials: give token, user and password, nkey or creds/,
      });
    });
  });

  it("knows users with passwords, as options and in the URL", options, async () => {
    await withServer({ authorization: `user: "me", password: "p@s:s"` }, async (server) => {
      const inUrl = server.url.replace("://", "://me:p%40s%3As@");
      const user = { user: "me", password: "p@s:s" };
      await using(connect({ servers: server.url, ...user }), (connection) => exercise(connection));
      await using(connect({ servers: inUrl }), (connection) => exercise(connection));
      const wrong = server.url.replace("://", "://me:hush-hush@");
      await assert.rejects(connect({ servers: wrong }), (error: Error & { code?: string }) => {
        assert.equal(error.code, "ERR_PERMISSION");
        assert.ok(!error.message.includes("hush-hush"), error.message);
        return true;
      });
    });
  });

  it("survives many refusals, whose sockets end in different ways", options, async () => {
    await withServer({ authorization: `token: "right"`, websocket: true }, async (server) => {
      for (let attempt = 0; attempt < 40; attempt++) {
        const servers = attempt % 2 === 0 ? server.url : server.wsUrl!;
        await assert.rejects(connect({ servers, token: "wrong" }), { code: "ERR_PERMISSION" });
      }
    });
  });

  it("knows nkeys", options, async () => {
    const user = makeUser();
    await withServer({ authorization: `users: [ { nkey: "${user.id}" } ]` }, async (server) => {
      const open = connect({ servers: server.url, nkey: user.seed });
      await using(open, (connection) => exercise(connection));
      await assert.rejects(connect({ servers: server.url, nkey: makeUser().seed }), {
        code: "ERR_PERMISSION",
      });
    });
  });

  it("knows creds, as text and as bytes", options, async () => {
    const operator = makeOperator();
    const { config } = operator;
    const creds = operator.creds();
    await withServer({ config, jetStream: false, websocket: true }, async (server) => {
      const bytes = new TextEncoder().encode(creds);
      const servers = server.url;
      await using(connect({ servers, creds }), (connection) => exercise(connection));
      await using(connect({ servers, creds: bytes }), (connection) => exercise(connection));
      await using(connect({ servers: server.wsUrl!, creds }), (c) => exercise(c));
      await assert.rejects(connect({ servers, creds: makeOperator().creds() }), {
        code: "ERR_PERMISSION",
      });
    });
  });

  it("lets a user with an own inbox request, and no other inbox", options, async () => {
    const permissions = `permissions: {
      publish: ["own.>", "_INBOX_me.>"], subscribe: ["own.>", "_INBOX_me.>"] }`;
    const authorization = `users: [ { user: "me", password: "pass", ${permissions} } ]`;
    await withServer({ authorization }, async (server) => {
      const user = { servers: server.url, user: "me", password: "pass" };
      await using(
        connect({ ...user, inboxPrefix: "_INBOX_me" }),
        (connection) => exercise(connection, "own"),
      );
      await using(connect(user), async (connection) => {
        const request = connection.request("own.echo", undefined, { timeout: 5000 });
        const error = await request.then(() => undefined, (reason: unknown) => reason);
        assert.equal(permissionViolation(error)?.operation, "subscription");
        assert.match(permissionViolation(error)?.subject ?? "", /^_INBOX\./);
      });
    });
  });
});

describe("connect() with TLS", options, () => {
  it("trusts the authority that it is given", options, async () => {
    await withServer({ tls: true }, async (server) => {
      const tls = { ca: server.tlsCa! };
      const localhost = `tls://localhost:${server.port}`;
      await using(connect({ servers: server.url, tls }), (connection) => exercise(connection));
      await using(connect({ servers: localhost, tls }), (connection) => exercise(connection));
      // The server wants TLS, so the scheme need not say so.
      const plain = localhost.replace("tls:", "nats:");
      await using(connect({ servers: plain, tls }), (connection) => exercise(connection));
    });
  });

  it("does not trust others, and says which setting changes that", options, async () => {
    await withServer({ tls: true }, async (server) => {
      await assert.rejects(connect({ servers: server.url }), {
        code: "ERR_CONFIGURATION",
        message: /the secure connection failed \(.+\): give the server's authority in tls\.ca/,
      });
    });
  });

  it("says when the server has none", options, async () => {
    await withServer({}, async (server) => {
      await assert.rejects(connect({ servers: server.url.replace("nats:", "tls:") }), {
        code: "ERR_CONFIGURATION",
        message: /the server offers no TLS: use nats:\/\//,
      });
    });
  });

  it("presents a certificate where the server wants one", options, async () => {
    await using certificates = await makeClientCertificate();
    const { ca, cert, key, config } = certificates;
    await withServer({ config }, async (server) => {
      const servers = `tls://localhost:${server.port}`;
      await using(connect({ servers, tls: { ca, cert, key } }), (each) => exercise(each));
      if (isDeno) {
        console.log("Not tried on Deno: a certificate that is refused can end the process there");
        return;
      }
      await assert.rejects(within(connect({ servers, tls: { ca } })), {
        name: "JobEventError",
        message: /tls\.cert with tls\.key/,
      });
    });
  });
});

describe("connect() without a server", options, () => {
  it("names the server and the remedy when nobody is there, and no secret", options, async () => {
    const address = `127.0.0.1:${await closedPort()}`;
    for (const scheme of ["nats", "ws"]) {
      const open = connect({ servers: `${scheme}://me:hush-hush@${address}` });
      await assert.rejects(open, (error: Error & { code?: string }) => {
        assert.equal(error.code, "ERR_UNAVAILABLE");
        assert.ok(error.message.startsWith(`Cannot connect to ${scheme}://${address}: `));
        if (scheme === "nats") {
          assert.match(error.message, /refused; start nats-server there or correct the URL$/);
        }
        assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }), /hush-hush/);
        return true;
      });
    }
  });

  it("fails at once where the server wants no more connections", options, async () => {
    await withServer({ config: "max_connections: 1", websocket: true }, async (server) => {
      await using(connect({ servers: server.url }), async () => {
        // Deno's own transport waits for the timeout.
        const opens = [
          () => connectNode({ servers: server.url }),
          () => connectWs({ servers: server.wsUrl! }),
        ];
        for (const open of opens) {
          await assert.rejects(within(open()), {
            code: "ERR_UNAVAILABLE",
            // The connection can break before what the server says is read.
            message: /maximum connections exceeded|the server closed the connection/i,
          });
        }
      });
    });
  });

  it("names a host that is not there", options, async () => {
    await assert.rejects(connect({ servers: "nats://no-such-host.invalid" }), {
      code: "ERR_UNAVAILABLE",
      message: /^Cannot connect to nats:\/\/no-such-host\.invalid:4222: /,
    });
  });

  it("says when the runtime forbids a WebSocket", options, async () => {
    const { WebSocket } = globalThis;
    globalThis.WebSocket = class {
      constructor() {
        throw Object.assign(new Error("Requires net access"), { name: "NotCapable" });
      }
    } as unknown as typeof WebSocket;
    try {
      await assert.rejects(within(connect({ servers: "ws://localhost:8080" })), {
        code: "ERR_PERMISSION",
        message: /^Cannot connect to ws:\/\/localhost:8080: the runtime forbids it: Requires net/,
      });
    } finally {
      globalThis.WebSocket = WebSocket;
    }
  });

  it("gives up on a server that says nothing", options, async () => {
    const sockets = new Set<{ destroy(): void }>();
    const mute = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {}).once("close", () => sockets.delete(socket)).resume();
    });
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as { port: number };
    try {
      for (const scheme of ["nats", "ws"]) {
        const url = `${scheme}://127.0.0.1:${port}`;
        await assert.rejects(within(connect({ servers: url, timeoutMs: 300 })), {
          code: "ERR_TIMEOUT",
          message: `Cannot connect to ${url}: no answer within 300 ms; is it a NATS server?`,
        });
        await eventually(() => sockets.size === 0, { what: `no socket left by ${scheme}` });
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => mute.close(resolve));
    }
  });
});
