import * as ours from "@nats-io/nats-core";
import { jetstreamManager } from "@nats-io/jetstream";
import assert from "node:assert/strict";
import { cpSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { openWith, type TransportLibrary } from "../../src/connect/open.ts";
import { toSettings } from "../../src/connect/settings.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import {
  connectionError,
  isConnectionClosed,
  isNoResponders,
  isTimeout,
  permissionViolation,
} from "../../src/nats/foreign_errors.ts";
import { NatsConnectionPool } from "../../src/nats/pool.ts";
import { temporaryDirectory } from "../helpers.ts";
import { exercise, TIMEOUT_MS, using, withServer } from "./servers.ts";

const skip = natsSkipReason();
const options = { skip, timeout: TIMEOUT_MS };

/** A second copy of the client library, as another version of it in the process would be. */
type Copy = TransportLibrary & Pick<typeof ours, "errors">;

/** The folder of a package, seen from a file that depends on it. */
function folderOf(name: string, from: string): string {
  const require = createRequire(from);
  let folder = dirname(realpathSync(require.resolve(name)));
  while (!folder.endsWith(join("node_modules", name))) folder = dirname(folder);
  return folder;
}

/** Copies the library and all that it depends on. */
async function withCopy(body: (copy: Copy) => Promise<void>): Promise<void> {
  await using directory = await temporaryDirectory();
  const root = join(directory.path, "node_modules");
  const here = fileURLToPath(import.meta.url);
  const transport = folderOf("@nats-io/transport-node", here);
  const nkeys = folderOf("@nats-io/nkeys", join(transport, "package.json"));
  const folders = {
    "@nats-io/transport-node": transport,
    "@nats-io/nats-core": folderOf("@nats-io/nats-core", here),
    "@nats-io/nkeys": nkeys,
    "@nats-io/nuid": folderOf("@nats-io/nuid", join(transport, "package.json")),
    "tweetnacl": folderOf("tweetnacl", join(nkeys, "package.json")),
  };
  for (const [name, folder] of Object.entries(folders)) {
    cpSync(folder, join(root, name), { recursive: true, dereference: true });
  }
  const require = createRequire(join(directory.path, "index.js"));
  await body(require("@nats-io/transport-node") as Copy);
}

function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => assert.fail("It did not fail"), (error: unknown) => error);
}

describe("two copies of nats-core in one process", options, () => {
  it("throw errors that are known by name, though instanceof fails", options, async () => {
    const permissions = `permissions: { publish: ["free.>", "$JS.>"], subscribe: ["_INBOX.>"] }`;
    const authorization = `users: [ { user: u, password: p, ${permissions} } ]`;
    await withServer({ authorization }, (server) =>
      withCopy(async (copy) => {
        const settings = toSettings({ servers: server.url, user: "u", password: "p" });
        const connection = await openWith(copy, settings);
        const wait = { timeout: 2000 };
        const silent = await failure(connection.request("free.nobody", undefined, wait));
        const refused = await failure(connection.request("secret", undefined, wait));
        await connection.close();
        const closed = await failure(connection.flush());

        assert.ok(closed instanceof copy.errors.ClosedConnectionError);
        assert.ok(!(closed instanceof ours.errors.ClosedConnectionError), "there is one copy");
        assert.ok(!(silent instanceof ours.errors.RequestError));
        assert.equal(isNoResponders(silent), true);
        assert.equal(permissionViolation(refused)?.subject, "secret");
        assert.equal(isConnectionClosed(closed), true);
        assert.equal(isTimeout(new copy.errors.TimeoutError()), true);
        assert.equal(connectionError("Cannot read", silent).code, "ERR_UNAVAILABLE");
        assert.equal(connectionError("Cannot read", refused).code, "ERR_PERMISSION");
        assert.equal(connectionError("Cannot read", closed).code, "ERR_CLOSED");
      }));
  });

  it("explain a failed connect in the same way", options, async () => {
    await withServer({ authorization: `token: "right"` }, (server) =>
      withCopy(async (copy) => {
        const servers = server.url;
        await assert.rejects(openWith(copy, toSettings({ servers, token: "wrong" })), {
          code: "ERR_PERMISSION",
          message: `Cannot connect to ${servers}: the server refuses these credentials`,
        });
      }));
  });

  it("give connections that work here, alone and in a pool", options, async () => {
    await withServer({}, (server) =>
      withCopy(async (copy) => {
        const open = (): Promise<NatsConnectionLike> =>
          openWith(copy, toSettings({ servers: server.url }));
        await using(open(), async (connection) => {
          await exercise(connection);
          const manager = await jetstreamManager(connection as unknown as ours.NatsConnection);
          assert.equal((await manager.getAccountInfo()).streams, 0);
        });
        await using pool = new NatsConnectionPool(open);
        await exercise(await pool.acquire({ servers: server.url }));
      }));
  });
});
