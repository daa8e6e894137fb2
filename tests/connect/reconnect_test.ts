import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type NatsCluster,
  type NatsServer,
  natsSkipReason,
  startNatsCluster,
} from "../../scripts/nats_server.ts";
import { connect } from "../../src/connect/mod.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { eventually, within } from "../helpers.ts";
import { exercise, TIMEOUT_MS, using, withServer, worksAgain } from "./servers.ts";

const skip = natsSkipReason();
const options = { skip, timeout: TIMEOUT_MS };
const quick = { reconnectWaitMs: 20, reconnectJitterMs: 10 };

/** The changes of a connection's state from now on. */
function changesOf(connection: NatsConnectionLike): string[] {
  const types: string[] = [];
  void (async () => {
    for await (const { type } of connection.status()) types.push(type);
  })();
  return types;
}

describe("a connection", options, () => {
  for (const kind of ["TCP", "WebSocket"] as const) {
    it(`comes back by itself with its subscriptions, over ${kind}`, options, async () => {
      await withServer({ websocket: true, authorization: `token: "t"` }, async (server) => {
        const servers = kind === "TCP" ? server.url : server.wsUrl!;
        await using(connect({ servers, token: "t", ...quick }), async (connection) => {
          const changes = changesOf(connection);
          let notes = 0;
          connection.subscribe("kept", { callback: () => notes++ });
          await connection.flush();
          for (let round = 1; round <= 2; round++) {
            await server.kill();
            await eventually(() => changes.filter((type) => type === "disconnect").length >= round);
            await server.restart();
            await worksAgain(connection);
            connection.publish("kept");
            await connection.flush();
            await eventually(() => notes === round, { what: "the message of a kept subscription" });
          }
          assert.ok(changes.includes("reconnect"), changes.join());
          assert.equal(connection.isClosed(), false);
        });
      });
    });
  }

  it("comes back by its own transport when another one was used since", options, async () => {
    await withServer({ websocket: true }, async (server) => {
      const localhost = `nats://localhost:${server.port}`;
      const opening = [localhost, server.wsUrl!, server.url, server.wsUrl!]
        .map((servers) => connect({ servers, ...quick }));
      const connections = await Promise.all(opening);
      try {
        for (const connection of connections) await exercise(connection);
        await server.kill();
        await server.restart();
        for (const connection of connections) await worksAgain(connection);
      } finally {
        await Promise.all(connections.map((connection) => connection.close()));
      }
    });
  });

  it("over TLS comes back when a WebSocket was opened since", options, async () => {
    await withServer({ tls: true, websocket: true }, async (server) => {
      const servers = `tls://localhost:${server.port}`;
      const open = connect({ servers, tls: { ca: server.tlsCa! }, ...quick });
      await using(open, async (connection) => {
        await using(connect({ servers: server.wsUrl! }), (other) => exercise(other));
        await server.kill();
        await server.restart();
        await worksAgain(connection);
      });
    });
  });

  it("is closed for good when it may not reconnect", options, async () => {
    await withServer({}, async (server) => {
      for (const maxReconnectAttempts of [0, 2]) {
        const connection = await connect({
          servers: server.url,
          ...quick,
          maxReconnectAttempts,
        });
        await server.kill();
        await within(connection.closed());
        assert.equal(connection.isClosed(), true);
        await server.restart();
      }
    });
  });

  it("waits for a server to come back while it is closed by its owner", options, async () => {
    await withServer({}, async (server) => {
      const connection = await connect({ servers: server.url, ...quick });
      const changes = changesOf(connection);
      await server.kill();
      await eventually(() => changes.includes("disconnect"));
      await within(connection.close());
      await within(connection.closed());
      assert.equal(connection.isClosed(), true);
    });
  });
});

describe("a connection to a cluster", options, () => {
  for (const kind of ["TCP", "WebSocket"] as const) {
    it(`goes to a member that it heard of from the server, over ${kind}`, options, async () => {
      const cluster = await startNatsCluster({ size: 2, websocket: true, jetStream: false });
      try {
        await movesToNewMember(cluster, kind);
      } finally {
        await cluster.stop();
      }
    });
  }
});

async function movesToNewMember(cluster: NatsCluster, kind: "TCP" | "WebSocket"): Promise<void> {
  const [first, second] = cluster.servers as [NatsServer, NatsServer];
  await second.kill();
  const [servers, other] = kind === "TCP" ? [first.url, first.wsUrl!] : [first.wsUrl!, first.url];
  await using(connect({ servers, ...quick }), async (connection) => {
    const changes = changesOf(connection);
    // The other kind writes addresses in another form.
    await using(connect({ servers: other }), (each) => exercise(each));
    await second.restart();
    await eventually(() => changes.includes("update"), { what: "the news of a member" });
    await first.kill();
    await worksAgain(connection);
    assert.notEqual(connection.getServer(), new URL(servers).host);
  });
}
