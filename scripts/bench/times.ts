/**
 * Measures how long each of a few ways takes, call by call: for questions whose answer is a
 * percentile, not a rate. The ways take turns, so that what disturbs the machine disturbs all.
 */

import process from "node:process";
import { currentRuntime } from "../runtimes.ts";
import { print, type Row } from "./timing.ts";

/** One way to do it. */
export interface Timed {
  /** What is measured, as it stands in the table. */
  readonly name: string;
  /** Does it once. */
  readonly once: () => Promise<unknown>;
  /** How often. @default that of the question */
  readonly samples?: number;
}

/** What is asked. */
export interface TimesQuestion {
  /** The question, in words. */
  readonly title: string;
  /** The ways; the last one is the peer that the others are compared with. */
  readonly ways: readonly Timed[];
  /** How often each is measured, after a tenth as many calls to warm up. */
  readonly samples: number;
  /** What else there is to say. */
  readonly notes?: readonly string[];
}

/** Measures and prints. Gives the rows, for questions that compare further. */
export async function benchTimes(question: TimesQuestion): Promise<readonly Row[]> {
  const { title, ways, samples, notes = [] } = question;
  const tookNs: number[][] = ways.map(() => []);
  const warmUp = Math.ceil(samples / 10);
  for (let turn = -warmUp; turn < samples; turn++) {
    for (const [index, way] of ways.entries()) {
      if (turn >= (way.samples ?? samples) || (turn < 0 && way.samples !== undefined)) continue;
      const started = performance.now();
      await way.once();
      if (turn >= 0) tookNs[index]!.push((performance.now() - started) * 1e6);
    }
  }
  const rows = timesRows(ways.map(({ name }) => name), tookNs);
  print({ title, runtime: runtimeName(), rows, notes });
  return rows;
}

/** The rows of what was measured by other means, in nanoseconds; the last one is the peer. */
export function timesRows(names: readonly string[], tookNs: readonly number[][]): Row[] {
  const sorted = tookNs.map((times) => [...times].sort((left, right) => left - right));
  const peer = percentile(sorted.at(-1)!, 0.5);
  return sorted.map((times, index) => {
    const p50 = percentile(times, 0.5);
    return {
      name: names[index]!,
      nsPerOperation: p50,
      timesAsFast: peer / p50,
      spread: (percentile(times, 0.75) - percentile(times, 0.25)) / 2 / p50,
      p99Ns: percentile(times, 0.99),
    };
  });
}

/** The runtime, with its version. */
export function runtimeName(): string {
  return `${currentRuntime()} ${process.versions[currentRuntime()] ?? process.version}`;
}

/** A part of sorted values. */
function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? NaN;
}
