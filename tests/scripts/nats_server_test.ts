import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { accepts, freePorts } from "../../scripts/nats/ports.ts";
import { isAlive, poll } from "../../scripts/nats/run.ts";
import { natsSkipReason, startNatsCluster, startNatsServer } from "../../scripts/nats_server.ts";
import { TextClient } from "./text_client.ts";

const skip = natsSkipReason();
/** Bun allows 5 s by default, an election can take 10, and the first start may build a server. */
const timeout = 10 * 60_000;
const script = fileURLToPath(new URL("../../scripts/nats_server.ts", import.meta.url));

async function withClient<T>(port: number, body: (client: TextClient) => Promise<T>): Promise<T> {
  const client = await TextClient.open(port);
  try {
    return await body(client);
  } finally {
    client.close();
  }
}

async function createStream(client: TextClient, replicas = 1): Promise<void> {
  const config = { name: "S", subjects: ["s.>"], storage: "file", num_replicas: replicas };
  const created = await client.request("$JS.API.STREAM.CREATE.S", JSON.stringify(config));
  assert.equal(created["error"], undefined, JSON.stringify(created));
}

async function countMessages(port: number): Promise<unknown> {
  const info = await withClient(port, (client) => client.request("$JS.API.STREAM.INFO.S"));
  return (info["state"] as { messages?: unknown } | undefined)?.messages ?? info;
}

function ownedBy(pid: number | undefined): string[] {
  return readdirSync(tmpdir()).filter((name) =>
    name.startsWith("naq-events-nats-") && name.includes(`-${pid}-`)
  );
}

describe("natsSkipReason()", () => {
  it("skips on NAQ_SKIP_NATS=1 alone, and says so", (t) => {
    const warn = t.mock.method(console, "warn", () => {});
    assert.equal(natsSkipReason({}), false);
    assert.equal(natsSkipReason({ NAQ_SKIP_NATS: "0" }), false);
    assert.equal(warn.mock.callCount(), 0);
    assert.match(String(natsSkipReason({ NAQ_SKIP_NATS: "1" })), /NAQ_SKIP_NATS=1/);
    assert.equal(warn.mock.callCount(), 1);
  });
});

describe("startNatsServer()", { skip, timeout }, () => {
  for (const version of ["current", "floor"] as const) {
    it(`starts the ${version} server, which keeps its store when killed`, { timeout }, async () => {
      const server = await startNatsServer({ version });
      try {
        await withClient(server.port, async (client) => {
          await client.ping();
          const account = await client.request("$JS.API.INFO");
          assert.equal(account["streams"], 0);
          await createStream(client);
          assert.equal((await client.request("s.1", "one"))["seq"], 1);
        });
        const info = await server.monitor("/varz") as { version?: string };
        assert.equal(info.version, server.version);
        if (version === "floor") assert.match(server.version, /^2\.9\./);

        const { pid } = server;
        await server.kill();
        assert.deepEqual([server.running, isAlive(pid)], [false, false]);
        assert.equal(await accepts(server.port), false);
        await server.restart();
        assert.notEqual(server.pid, pid);
        assert.equal(await countMessages(server.port), 1);
        assert.equal(server.logs().match(/Server is ready/g)?.length, 2);
      } finally {
        await server.stop();
      }
      assert.equal(isAlive(server.pid), false);
      assert.equal(existsSync(server.storeDir), false);
      assert.deepEqual(ownedBy(process.pid), []);
      await server.stop();
      await assert.rejects(server.restart(), /stopped/);
    });
  }

  it("answers a WebSocket upgrade", async () => {
    const server = await startNatsServer({ websocket: true });
    try {
      const url = new URL(server.wsUrl ?? "");
      assert.equal(url.protocol, "ws:");
      const client = new TextClient(connect({ port: Number(url.port), host: url.hostname }));
      client.send(
        `GET / HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
      );
      await client.match(/^HTTP\/1\.1 101 /);
      client.close();
    } finally {
      await server.stop();
    }
  });

  it("serves TLS with a certificate that its authority vouches for", async () => {
    const server = await startNatsServer({ tls: true });
    try {
      assert.match(server.url, /^tls:/);
      assert.equal(readFileSync(server.tlsCaFile ?? "", "utf8"), server.tlsCa);
      const socket = connect({ port: server.port, host: "127.0.0.1" });
      const info = await new Promise((resolve) => socket.once("data", resolve));
      assert.match(String(info), /"tls_required":true/);
      socket.removeAllListeners("data");
      const secure = connectTls({ socket, host: "127.0.0.1", ca: server.tlsCa });
      await new Promise((resolve, reject) => {
        secure.once("secureConnect", resolve).once("error", reject);
      });
      assert.equal(secure.authorized, true);
      const client = new TextClient(secure);
      client.send("CONNECT {}\r\n");
      await client.ping();
      client.close();
    } finally {
      await server.stop();
    }
  });

  it("takes limits, accounts and further configuration", async () => {
    const server = await startNatsServer({
      serverName: "limited",
      maxPayloadBytes: 2048,
      maxFileStoreBytes: 10_000_000,
      accounts: `A { jetstream: enabled, users: [{ user: a, password: a }] }
        B { users: [{ user: b, password: b }] }`,
      config: "max_connections: 3",
    });
    try {
      const varz = await server.monitor("/varz") as Record<string, unknown>;
      assert.equal(varz["server_name"], "limited");
      assert.equal(varz["max_payload"], 2048);
      assert.equal(varz["max_connections"], 3);
      const jsz = await server.monitor("/jsz") as { config: Record<string, unknown> };
      assert.equal(jsz.config["max_storage"], 10_000_000);
      const client = await TextClient.open(server.port, { user: "a", pass: "a" });
      assert.equal((await client.request("$JS.API.INFO"))["error"], undefined);
      client.close();
      const denied = await TextClient.open(server.port, { user: "a", pass: "b" });
      await denied.match(/-ERR 'Authorization Violation'/);
      denied.close();
    } finally {
      await server.stop();
    }
  });

  it("runs without JetStream", async () => {
    const server = await startNatsServer({ jetStream: false });
    try {
      await withClient(server.port, async (client) => {
        await client.ping();
        await assert.rejects(client.request("$JS.API.INFO"), /nobody answers/);
      });
    } finally {
      await server.stop();
    }
  });

  it("hangs while it is paused, and stops all the same", async () => {
    const server = await startNatsServer();
    const client = await TextClient.open(server.port);
    try {
      await client.ping();
      await server.pause();
      client.send("PING\r\n");
      const answer = client.match(/PONG\r\n/);
      const first = await Promise.race([
        answer.then(() => "answer"),
        new Promise((resolve) => setTimeout(() => resolve("silence"), 200)),
      ]);
      assert.equal(first, "silence");
      server.resume();
      await answer;
      await server.pause();
    } finally {
      client.close();
      await server.stop();
    }
    assert.equal(isAlive(server.pid), false);
  });

  it("shows the log of a server that refuses its configuration, and leaves nothing", async () => {
    await assert.rejects(startNatsServer({ config: "no_such_setting: 1" }), /no_such_setting/);
    assert.deepEqual(ownedBy(process.pid), []);
  });

  it("cleans up after a process that could not", async () => {
    const dead = spawn("/bin/sh", ["-c", "exit 0"]);
    await new Promise((resolve) => dead.once("exit", resolve));
    const server = await startNatsServer();
    try {
      const name = ownedBy(process.pid)[0]!.replace(`-${process.pid}-`, `-${dead.pid}-`);
      const abandoned = join(tmpdir(), name);
      mkdirSync(join(abandoned, "store"), { recursive: true });
      await (await startNatsServer({ jetStream: false })).stop();
      await poll("Removal", () => !existsSync(abandoned) || undefined, { timeoutMs: 5_000 });
      assert.equal(existsSync(server.storeDir), true);
    } finally {
      await server.stop();
    }
  });

  it("names a port that is taken", async () => {
    const server = await startNatsServer();
    try {
      await assert.rejects(startNatsServer({ port: server.port }), new RegExp(`${server.port}`));
    } finally {
      await server.stop();
    }
  });

  it("keeps a store directory it was given", async () => {
    const storeDir = mkdtempSync(join(tmpdir(), "naq-events-store-"));
    try {
      const server = await startNatsServer({ storeDir });
      await withClient(server.port, createStream).finally(() => server.stop());
      const again = await startNatsServer({ storeDir });
      const count = await countMessages(again.port).finally(() => again.stop());
      assert.equal(count, 0);
    } finally {
      rmSync(storeDir, { recursive: true });
    }
  });
});

describe("startNatsCluster()", { skip, timeout }, () => {
  it("elects leaders, and others when they die", { timeout }, async () => {
    const cluster = await startNatsCluster();
    try {
      const first = cluster.servers[0]!;
      assert.deepEqual(cluster.servers.map((server) => server.name), ["n1", "n2", "n3"]);
      assert.ok(cluster.servers.includes(await cluster.metaLeader()));
      await withClient(first.port, async (client) => {
        await createStream(client, 3);
        assert.equal((await client.request("s.1", "one"))["seq"], 1);
      });
      const killed = await cluster.killStreamLeader("S");
      const next = await cluster.streamLeader("S");
      assert.notEqual(next, killed);
      assert.equal(await countMessages(next.port), 1);
      await killed.restart();
      await cluster.ready();
    } finally {
      await cluster.stop();
    }
    assert.deepEqual(cluster.servers.filter((server) => isAlive(server.pid)), []);
    assert.deepEqual(ownedBy(process.pid), []);
  });
});

describe("deno task nats", { skip, timeout }, () => {
  async function startCommand(): Promise<{ child: ChildProcess; output: string; port: number }> {
    const [port, wsPort] = await freePorts(2);
    const runArgs = "Deno" in globalThis ? ["run", "-A"] : [];
    const args = [...runArgs, script, "--port", `${port}`, "--ws-port", `${wsPort}`];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => output += text);
    await poll("Output", () => /Store/.test(output) || undefined, { timeoutMs: 15_000 });
    assert.match(output, new RegExp(`nats://127.0.0.1:${port}`));
    assert.match(output, new RegExp(`ws://127.0.0.1:${wsPort}`));
    assert.match(output, /http:\/\/127\.0\.0\.1:\d+/);
    return { child, output, port: port! };
  }

  async function untilGone(child: ChildProcess, port: number): Promise<void> {
    await poll("Nothing left", async () => {
      const left = ownedBy(child.pid).length > 0 || await accepts(port);
      return left ? undefined : true;
    }, { timeoutMs: 5_000 });
  }

  it("serves until it is told to stop, and cleans up", async () => {
    const { child, port } = await startCommand();
    await withClient(port, (client) => client.ping());
    const exit = new Promise((resolve) => child.once("exit", resolve));
    // Deno's child.kill() would report the signal as the reason of the end, whatever it was.
    process.kill(child.pid!, "SIGINT");
    assert.equal(await exit, 0);
    assert.deepEqual(ownedBy(child.pid), []);
    assert.equal(await accepts(port), false);
  });

  it("leaves nothing behind even when it is killed", async () => {
    const { child, port } = await startCommand();
    assert.equal(ownedBy(child.pid).length, 1);
    child.kill("SIGKILL");
    await untilGone(child, port);
  });
});
