/**
 * Measures a few ways to do the same thing, and prints them side by side.
 *
 * Each contender runs for a while first, so that it is compiled. Then rounds of all contenders take
 * turns, so that what disturbs the machine disturbs all of them alike. Of the rounds of a contender
 * the lower quartile counts: what else runs on the machine only ever adds to a time.
 */

import process from "node:process";
import { currentRuntime } from "../runtimes.ts";

/** One way to do it. */
export interface Contender {
  /** What is measured, as it stands in the table. */
  readonly name: string;
  /** Does it `count` times and says how many nanoseconds that took, as {@linkcode timed} does. */
  readonly round: (count: number) => number | Promise<number>;
}

/** What a bench file asks. */
export interface Question {
  /** The question, in words. */
  readonly title: string;
  /** The ways; the last one is the peer that the others are compared with. */
  readonly contenders: readonly Contender[];
  /** How many rounds. @default 75 */
  readonly rounds?: number;
  /** How long a round of one contender is to take, in milliseconds. @default 20 */
  readonly roundMs?: number;
  /** What there is to say that is no time of an operation, one line each. */
  readonly notes?: () => Promise<readonly string[]>;
}

/** One line of the table. */
export interface Row {
  /** The contender. */
  readonly name: string;
  /** Time of one operation. */
  readonly nsPerOperation: number;
  /** What 99 of 100 calls took at the most, where single calls were measured. */
  readonly p99Ns?: number;
  /** How much longer the peer takes: 2 is twice as fast as the peer. */
  readonly timesAsFast: number;
  /** Half of the rounds are this near to it, as a part of it. */
  readonly spread: number;
}

/** The answer on one runtime. */
export interface Answer {
  /** The question. */
  readonly title: string;
  /** The runtime, with its version. */
  readonly runtime: string;
  /** One row for each contender. */
  readonly rows: readonly Row[];
  /** What else was found. */
  readonly notes: readonly string[];
}

/** Keeps results alive, so that no compiler can leave out the work that made them. */
let kept: unknown;

/** A round that is nothing but a loop. What the loop returns is used. */
export function timed(loop: (count: number) => unknown): (count: number) => number {
  return (count) => {
    const started = performance.now();
    kept = loop(count);
    return (performance.now() - started) * 1e6;
  };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length * part)] ?? 0;
}

/** How often a contender fits into the time of a round. It is warm afterwards. */
async function calibrate({ round }: Contender, roundMs: number): Promise<number> {
  let count = 1;
  for (let rounds = 0; rounds < 60; rounds++) {
    const elapsedMs = await round(count) / 1e6;
    if (elapsedMs >= roundMs / 2 && rounds >= 5) {
      return Math.max(1, Math.round(count * roundMs / elapsedMs));
    }
    if (elapsedMs < roundMs / 2) count *= 2;
  }
  return count;
}

/** Measures all contenders. */
export async function measure(question: Question): Promise<Answer> {
  const { title, contenders, rounds = 75, roundMs = 20 } = question;
  const counts: number[] = [];
  for (const contender of contenders) counts.push(await calibrate(contender, roundMs));
  const samples: number[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const count = counts[index] ?? 1;
      samples[index]?.push(await contender.round(count) / count);
    }
  }
  const times = samples.map((values) => quantile(values, 0.25));
  const peer = times.at(-1) ?? 0;
  const rows = contenders.map(({ name }, index): Row => {
    const own = times[index] ?? 0;
    const distances = (samples[index] ?? []).map((value) => Math.abs(value - own));
    const spread = quantile(distances, 0.5) / own;
    return { name, nsPerOperation: own, timesAsFast: peer / own, spread };
  });
  const version = process.versions[currentRuntime()] ?? process.version;
  const notes = await question.notes?.() ?? [];
  return { title, runtime: `${currentRuntime()} ${version}`, rows, notes };
}

/** A table as lines of text. */
export function table(answer: Answer): string {
  const width = Math.max(...answer.rows.map((row) => row.name.length));
  const lines = answer.rows.map((row) => {
    const time = row.nsPerOperation.toFixed(row.nsPerOperation < 100 ? 1 : 0).padStart(9);
    const rate = Math.round(1e9 / row.nsPerOperation).toLocaleString("en").padStart(12);
    const ratio = row.timesAsFast.toFixed(2).padStart(6);
    const spread = `±${(row.spread * 100).toFixed(0)}%`.padStart(5);
    if (row.p99Ns !== undefined) {
      const [p50, p99] = [row.nsPerOperation, row.p99Ns].map((ns) =>
        (ns / 1e6).toFixed(3).padStart(9)
      );
      return `  ${row.name.padEnd(width)} p50 ${p50} ms ${spread}  p99 ${p99} ms  × ${ratio}`;
    }
    return `  ${row.name.padEnd(width)} ${time} ns/op ${spread} ${rate} op/s  × ${ratio}`;
  });
  const notes = answer.notes.map((note) => `  ${note}`);
  return [`${answer.title} (${answer.runtime})`, ...lines, ...notes].join("\n");
}

/** Prints an answer: a table, or one line of JSON with `--json`. */
export function print(answer: Answer): void {
  console.log(process.argv.includes("--json") ? JSON.stringify(answer) : table(answer));
}

/** Answers a question and prints it: a table, or one line of JSON with `--json`. A file may ask
 * several. */
export async function bench(question: Question): Promise<void> {
  print(await measure(question));
  if (kept === question) console.log();
}
