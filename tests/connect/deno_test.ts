import * as library from "@nats-io/transport-node";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { connect } from "../../src/connect/deno.ts";
import {
  type DenoConnection,
  type DenoTransport,
  loadTransport,
  openWithDeno,
} from "../../src/connect/deno_transport.ts";
import { openWith } from "../../src/connect/open.ts";
import { toSettings } from "../../src/connect/settings.ts";
import { eventually } from "../helpers.ts";
import { exercise, TIMEOUT_MS, using, withServer, worksAgain } from "./servers.ts";

const skip = natsSkipReason();
const options = { skip, timeout: TIMEOUT_MS };
const quick = { reconnectWaitMs: 20, reconnectJitterMs: 0 };

/** The transport of Node with a socket at the place where that of Deno has it. */
function fakeTransport(calls: boolean[], servers: string): DenoTransport {
  return {
    async connect() {
      const connection = await openWith(library, toSettings({ servers, ...quick }));
      const conn = { setNoDelay: (noDelay: boolean): void => void calls.push(noDelay) };
      return new Proxy<DenoConnection>(connection, {
        get(target, name) {
          if (name === "protocol") return { transport: { conn } };
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  };
}

describe("connect() of Deno", options, () => {
  it("uses the sockets of Node where Deno's transport cannot be had", options, async () => {
    await withServer({ tls: true }, async (server) => {
      const tls = { ca: server.tlsCa! };
      await using(connect({ servers: server.url, tls }), (connection) => exercise(connection));
    });
    await withServer({}, async (server) => {
      // Only Deno knows where to load it from, and only with a network.
      await using(connect({ servers: server.url }), (connection) => exercise(connection));
    });
  });

  it("switches Nagle's algorithm off at each connect and reconnect", options, async () => {
    await withServer({}, async (server) => {
      const calls: boolean[] = [];
      const settings = toSettings({ servers: server.url, ...quick });
      const open = openWithDeno(fakeTransport(calls, server.url), settings);
      await using(open, async (connection) => {
        assert.deepEqual(calls, [true]);
        await server.kill();
        await server.restart();
        await eventually(() => calls.length === 2, { what: "a call after the reconnect" });
        await worksAgain(connection);
        assert.deepEqual(calls, [true, true]);
      });
    });
  });

  it("leaves it on where that is asked for", options, async () => {
    await withServer({}, async (server) => {
      const calls: boolean[] = [];
      const settings = toSettings({ servers: server.url, noDelay: false });
      await using(openWithDeno(fakeTransport(calls, server.url), settings), () => {});
      assert.deepEqual(calls, []);
    });
  });

  it("says why it failed, as the others do", async () => {
    const failing: DenoTransport = {
      connect: () => Promise.reject(new Error("connection refused")),
    };
    await assert.rejects(openWithDeno(failing, toSettings({ servers: "nats://secret@host" })), {
      name: "JobEventError",
      code: "ERR_UNAVAILABLE",
      message: /^Cannot connect to nats:\/\/host:4222: connection refused/,
    });
  });
});

describe("loadTransport()", () => {
  const transport: DenoTransport = { connect: () => Promise.reject(new Error("unused")) };

  it("gives the transport, or nothing where it is not there or too late", async () => {
    assert.equal(await loadTransport(() => Promise.resolve(transport)), transport);
    assert.equal(await loadTransport(() => Promise.reject(new TypeError("offline"))), undefined);
    assert.equal(await loadTransport(() => new Promise(() => {}), 10), undefined);
  });
});
