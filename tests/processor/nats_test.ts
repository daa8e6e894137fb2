import { after, describe } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { openSmall, TestServer, TIMEOUT_MS, VERSIONS } from "../nats/accounts.ts";
import { type OpenStorage, runOn } from "./bench.ts";
import { processorSuite } from "./suite.ts";
import { undecodableSuite } from "./suite_faults.ts";

const skip = natsSkipReason();

for (const version of VERSIONS) {
  const server = new TestServer(version);
  // Here, because a first start may take longer than Bun lets a test of the suite take.
  if (skip === false) await server.get();
  describe(`NATS ${version}`, { skip, timeout: TIMEOUT_MS }, () => {
    after(() => server.stop());
    const open: OpenStorage = async () => {
      const connection = await server.connect();
      const storage = await openSmall(connection);
      const storeUndecodable = async (jobId: string): Promise<void> => {
        const subject = `${storage.subjects.prefix}.${jobId}.started`;
        await connection.request(subject, new Uint8Array([0xc0, 0xff, 0xee]), { timeout: 2000 });
      };
      return { storage, close: () => storage.close(), storeUndecodable };
    };
    processorSuite(`NATS ${version}`, open);
    undecodableSuite(`NATS ${version}`, runOn(open));
  });
}
