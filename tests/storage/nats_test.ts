import { after, describe } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import type { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { openSmall, TestServer, TIMEOUT_MS, VERSIONS } from "../nats/accounts.ts";
import { storageSuite } from "./suite.ts";

const skip = natsSkipReason();

for (const version of VERSIONS) {
  const server = new TestServer(version);
  // Here, because a first start may take longer than Bun lets a test of the suite take.
  if (skip === false) await server.get();
  describe(`NATS ${version}`, { skip, timeout: TIMEOUT_MS }, () => {
    after(() => server.stop());
    const connections = new WeakMap<object, NatsConnectionLike>();
    const open = async (
      connection: NatsConnectionLike,
      { subjectPrefix, maxAgeMs, maxEventBytes, onDecodeError }: Parameters<
        Parameters<typeof storageSuite>[1]["open"]
      >[0] = {},
    ): Promise<NatsJobEventStorage> => {
      const storage = await openSmall(connection, {
        ...(onDecodeError === undefined ? {} : { onDecodeError }),
        ...(subjectPrefix === undefined ? {} : { subjectPrefix }),
        ...(maxEventBytes === undefined ? {} : { maxEventBytes }),
        ...(maxAgeMs === undefined ? {} : { stream: { maxAgeMs } }),
      });
      connections.set(storage, connection);
      return storage;
    };
    storageSuite(`NatsJobEventStorage on ${version}`, {
      open: async (options) => open(await server.connect(), options),
      reopen: (closed) => open(connections.get(closed)!),
      storeUndecodable: async (storage, jobId) => {
        const connection = connections.get(storage)!;
        const subject = `${storage.subjects.prefix}.${jobId}.started`;
        const payload = new Uint8Array([0xc0, 0xff, 0xee]);
        await connection.request(subject, payload, { timeout: 2000 });
      },
      countsUnseen: "the server counts what a member got ahead and gave back when it left",
    });
  });
}
