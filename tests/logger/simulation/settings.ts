/** How one simulation is set up. */

import type { OverflowPolicy } from "../../../src/logger/options.ts";
import type { Chance } from "./random.ts";

/** What the seed decides before the first step. */
export interface Settings {
  readonly overflow: OverflowPolicy;
  readonly maxBufferSize: number;
  readonly maxBufferBytes: number;
  readonly batchSize: number;
  readonly batchBytes: number;
  readonly flushIntervalMs: number;
  readonly stopTimeoutMs: number;
  readonly retry: {
    readonly initialDelayMs: number;
    readonly maxDelayMs: number;
    readonly factor: number;
    readonly jitter: number;
  };
  /** How often an append goes wrong. */
  readonly faultRate: number;
  /** How often a callback of the owner does something. */
  readonly mischiefRate: number;
  /** How long the sink knows the ids of what it stored, as a stream does. */
  readonly duplicateWindowMs: number;
  readonly steps: number;
}

/** Small bounds, so that all of them are met. The usual event has about 80 to 160 bytes. */
export function drawSettings(chance: Chance): Settings {
  return {
    overflow: chance.pick("drop_oldest", "drop_newest", "block"),
    maxBufferSize: chance.pick(1, 2, 3, 5, 8, 12, 50, 200),
    maxBufferBytes: chance.happens(0.5) ? 1e9 : chance.between(150, 900),
    batchSize: chance.pick(1, 2, 3, 4, 7, 100),
    batchBytes: chance.pick(1, 200, 500, 1e6, 1e6),
    flushIntervalMs: chance.pick(0, 10, 500, 1e9),
    stopTimeoutMs: chance.pick(0, 100, 5000),
    retry: {
      initialDelayMs: chance.pick(0, 1, 10, 100),
      maxDelayMs: chance.pick(0, 50, 500, 2000),
      factor: chance.pick(1, 2, 10),
      jitter: chance.pick(0, 0.5, 1),
    },
    faultRate: chance.pick(0, 0.1, 0.4, 0.8),
    mischiefRate: chance.pick(0, 0, 0.1, 0.4),
    duplicateWindowMs: chance.pick(Infinity, 2000),
    steps: chance.between(5, 60),
  };
}
