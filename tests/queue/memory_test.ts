import { MemoryTaskQueue } from "../../src/queue/memory.ts";
import { queueSuite } from "./suite.ts";

queueSuite("MemoryTaskQueue", {
  open: (options) => Promise.resolve(new MemoryTaskQueue(options)),
});
