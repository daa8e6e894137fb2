import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { processorSuite } from "./suite.ts";

processorSuite("memory", () => {
  const storage = new MemoryJobEventStorage();
  return Promise.resolve({ storage, close: () => storage.close() });
});
