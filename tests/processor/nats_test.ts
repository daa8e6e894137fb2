import { after, describe } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { TestServer, TIMEOUT_MS, VERSIONS } from "../nats/accounts.ts";
import { processorSuite } from "./suite.ts";

const skip = natsSkipReason();

for (const version of VERSIONS) {
  const server = new TestServer(version);
  // Here, because a first start may take longer than Bun lets a test of the suite take.
  if (skip === false) await server.get();
  describe(`NATS ${version}`, { skip, timeout: TIMEOUT_MS }, () => {
    after(() => server.stop());
    processorSuite(`NATS ${version}`, async () => {
      const storage = await server.open();
      return { storage, close: () => storage.close() };
    });
  });
}
