/** The one suite that every storage passes. */

import type { JobEventStorage, UndecodableMessage } from "../../src/storage/storage.ts";
import { closeSuite } from "./suite_close.ts";
import { deadLetterSuite } from "./suite_dead_letters.ts";
import { decodeSuite } from "./suite_decode.ts";
import { groupSuite } from "./suite_group.ts";
import { liveSuite } from "./suite_live.ts";
import { readSuite } from "./suite_read.ts";
import { resetSuite } from "./suite_reset.ts";
import { traceSuite } from "./suite_trace.ts";
import { writeSuite } from "./suite_write.ts";

/** What a case may ask of a new storage. */
export interface SuiteOptions {
  readonly subjectPrefix?: string;
  readonly maxAgeMs?: number;
  readonly maxEventBytes?: number;
  readonly onDecodeError?: (message: UndecodableMessage) => void;
}

/** How the suite gets at a storage, and what that storage can do. */
export interface StorageUnderTest {
  /** Opens a new, empty storage. */
  open(options?: SuiteOptions): Promise<JobEventStorage>;
  /** Stores the bytes c0 ff ee, which are no event, under a subject of a job. */
  readonly storeUndecodable?: (storage: JobEventStorage, jobId: string) => Promise<void>;
  /** Opens the same events again after `close`; absent where they do not outlive it. */
  readonly reopen?: (closed: JobEventStorage) => Promise<JobEventStorage>;
  /**
   * Why `deliveryCount` may count deliveries that another process got and handed to nobody; absent
   * where it does not.
   */
  readonly countsUnseen?: string;
}

/** Declares the tests of a storage. */
export function storageSuite(name: string, storage: StorageUnderTest): void {
  writeSuite(name, storage);
  traceSuite(name, storage);
  readSuite(name, storage);
  liveSuite(name, storage);
  groupSuite(name, storage);
  deadLetterSuite(name, storage);
  resetSuite(name, storage);
  closeSuite(name, storage);
  decodeSuite(name, storage);
}
