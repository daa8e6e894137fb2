/** A worker process of a group, for the tests. Reports on standard output, by lines. */

import { writeSync } from "node:fs";
import { openStorage } from "../../src/open.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";

const [url, handlerMs] = process.argv.slice(2);

function report(line: string): void {
  writeSync(1, `${line}\n`);
}

const storage = await openStorage(url!);
const processor = new JobEventProcessor(storage, {
  consumerName: "workers",
  concurrency: 4,
  ackWaitMs: 500,
  maxDeliver: 100,
  onError: (error) => report(`error ${error}`),
});
processor.onAny(async (event) => {
  report(`begin ${event.jobId}`);
  await new Promise((resolve) => setTimeout(resolve, Number(handlerMs)));
  report(`end ${event.jobId}`);
});
await processor.start();
report("ready");
