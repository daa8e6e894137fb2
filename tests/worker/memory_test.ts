import { openBackend } from "../../src/backend/mod.ts";
import { LOGGER, workerSuite } from "./suite.ts";

workerSuite("Worker in memory", {
  open: (events, tasks = {}) =>
    openBackend({ tasks: "memory:", events }, { tasks, logger: LOGGER }),
});
