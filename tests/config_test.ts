import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "../src/config.ts";

const DEFAULTS = {
  enabled: true,
  storageUrl: "nats://localhost:4222",
  streamName: "NAQ_JOB_EVENTS",
  subjectPrefix: "naq.jobs.events",
  logger: { batchSize: 100, flushIntervalMs: 5000, maxBufferSize: 10_000 },
};

describe("loadConfig()", () => {
  it("gives the defaults where nothing is set", () => {
    assert.deepEqual(loadConfig({}), DEFAULTS);
    assert.deepEqual(loadConfig({ NAQ_EVENTS_ENABLED: "", NAQ_EVENT_STREAM_NAME: "" }), DEFAULTS);
  });

  it("takes every variable", () => {
    const config = loadConfig({
      NAQ_EVENTS_ENABLED: "No",
      NAQ_NATS_URL: "nats://a:4222",
      NAQ_EVENT_STREAM_NAME: "S",
      NAQ_EVENT_SUBJECT_PREFIX: "p",
      NAQ_EVENT_LOGGER_BATCH_SIZE: "7",
      NAQ_EVENT_LOGGER_FLUSH_INTERVAL: "0.5",
      NAQ_EVENT_LOGGER_MAX_BUFFER_SIZE: "8",
    });
    assert.deepEqual(config, {
      enabled: false,
      storageUrl: "nats://a:4222",
      streamName: "S",
      subjectPrefix: "p",
      logger: { batchSize: 7, flushIntervalMs: 500, maxBufferSize: 8 },
    });
    const urls = { NAQ_NATS_URL: "nats://a:4222", NAQ_EVENT_STORAGE_URL: "sqlite:b" };
    assert.equal(loadConfig(urls).storageUrl, "sqlite:b");
  });

  it("names the variable that cannot be used, and what can", () => {
    for (const value of ["x", "0", "-1", "1.5", "NaN", "Infinity"]) {
      assert.throws(() => loadConfig({ NAQ_EVENT_LOGGER_BATCH_SIZE: value }), {
        code: "ERR_CONFIGURATION",
        message: `Cannot use NAQ_EVENT_LOGGER_BATCH_SIZE="${value}": ` +
          "expected a whole number above 0",
      });
    }
    assert.throws(() => loadConfig({ NAQ_EVENTS_ENABLED: "maybe" }), /NAQ_EVENTS_ENABLED="maybe"/);
    assert.throws(() => loadConfig({ NAQ_EVENT_LOGGER_FLUSH_INTERVAL: "0" }), /a number above 0/);
  });
});
