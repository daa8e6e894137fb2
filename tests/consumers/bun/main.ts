import { JobEvent, loadConfig } from "@naq/events";
import { openStorage } from "@naq/events/open";

await using storage = await openStorage(loadConfig().storageUrl);
await storage.storeEvents([
  JobEvent.enqueued("job-1", "mail"),
  JobEvent.started("job-1", "worker-1", "async"),
  JobEvent.completed("job-1", "worker-1", 12.3),
]);

for await (const event of storage.readEvents({ jobId: "job-1" })) console.log(event.message);
