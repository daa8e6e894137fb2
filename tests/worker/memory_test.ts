import { openBackend } from "../../src/backend/mod.ts";
import { workerSuite } from "./suite.ts";

const logger = { flushIntervalMs: 10, stopTimeoutMs: 100, onError: () => {}, onDrop: () => {} };

workerSuite("Worker in memory", {
  open: (events, tasks = {}) => openBackend({ tasks: "memory:", events }, { tasks, logger }),
});
