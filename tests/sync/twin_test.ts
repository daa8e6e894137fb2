// deno-lint-ignore-file require-await -- What blocks is made to look as if it did not.
/** The blocking storage passes the suite of every storage, as far as it has the same methods. */

import { JobEventError } from "../../src/errors.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import {
  type JobEventStorageSync,
  openStorageSync,
  type OpenStorageSyncOptions,
} from "../../src/sync/mod.ts";
import { readSuite } from "../storage/suite_read.ts";
import type { StorageUnderTest } from "../storage/suite.ts";
import { writeSuite } from "../storage/suite_write.ts";

/** The storage, as if it did not block. */
function asTwin(storage: JobEventStorageSync): JobEventStorage {
  const twin = {
    subjects: storage.subjects,
    append: async (records, { signal } = {}) => {
      // What blocks cannot be aborted: the blocking storage has no signals.
      const error = new JobEventError("ERR_TIMEOUT", "Cannot store: given up before the call");
      if (signal?.aborted) return records.map(() => ({ status: "retry", error }));
      return storage.appendSync(records);
    },
    storeEvent: async (...args) => storage.storeEventSync(...args),
    storeEvents: async (...args) => storage.storeEventsSync(...args),
    getEvents: async (...args) => storage.getEventsSync(...args),
    getEventsByType: async (...args) => storage.getEventsByTypeSync(...args),
    listEvents: async (...args) => storage.listEventsSync(...args),
    readEvents(...args) {
      const events = storage.readEventsSync(...args);
      return {
        [Symbol.asyncIterator]: async function* () {
          yield* events;
        },
      };
    },
    countEvents: async (...args) => storage.countEventsSync(...args),
    lastSequence: async () => storage.lastSequenceSync(),
    deleteEvents: async (...args) => storage.deleteEventsSync(...args),
    cleanupExpiredEvents: async (...args) => storage.cleanupExpiredEventsSync(...args),
    healthCheck: async (...args) => storage.healthCheckSync(...args),
    close: async () => storage.closeSync(),
    [Symbol.asyncDispose]: async () => storage.closeSync(),
  } satisfies Partial<JobEventStorage>;
  return twin as Partial<JobEventStorage> as JobEventStorage;
}

for (const url of ["memory:", "sqlite::memory:"]) {
  const under: StorageUnderTest = {
    // An option that only some storages have goes through to them.
    open: async (options = {}) => asTwin(openStorageSync(url, options as OpenStorageSyncOptions)),
  };
  readSuite(`JobEventStorageSync ${url}`, under);
  writeSuite(`JobEventStorageSync ${url}`, under);
}
