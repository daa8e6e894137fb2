import { natsQueueSuite } from "./nats_suite.ts";

await natsQueueSuite("floor");
