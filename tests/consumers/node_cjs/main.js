async function main() {
  const { JobEventLogger, loadConfig } = await import("@naq/events");
  const { openStorage } = await import("@naq/events/open");

  const storage = await openStorage(loadConfig().storageUrl);
  const logger = new JobEventLogger(storage);
  logger.logJobEnqueued("job-1", "mail");
  logger.logJobStarted("job-1", "worker-1", "async");
  logger.logJobCompleted("job-1", "worker-1", 12.3);
  await logger.stop();

  for (const event of await storage.getEvents("job-1")) console.log(event.message);
  await storage.close();
}

main();
