import { JobEventLogger, loadConfig } from "@naq/events";
import { openStorage } from "@naq/events/open";

await using storage = await openStorage(loadConfig().storageUrl);
await using logger = new JobEventLogger(storage);
logger.logJobEnqueued("job-1", "mail");
logger.logJobStarted("job-1", "worker-1", "async");
logger.logJobCompleted("job-1", "worker-1", 12.3);
await logger.flush();

for (const event of await storage.getEvents("job-1")) console.log(event.message);
