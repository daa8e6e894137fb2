/** Says how the tests went. */

import type { TestCase } from "./junit.ts";
import type { TestRun } from "./run.ts";

/** How many tests ended how. A run that failed as a whole counts as one failed test. */
export interface TestCounts {
  /** Tests that passed. */
  readonly passed: number;
  /** Tests that failed. */
  readonly failed: number;
  /** Tests that were not run. */
  readonly skipped: number;
}

/** Counts the tests of runs. */
export function countTests(runs: readonly TestRun[]): TestCounts {
  const cases = runs.flatMap((run) => run.cases);
  const count = (status: TestCase["status"]) => cases.filter((x) => x.status === status).length;
  const problems = runs.filter((run) => run.problem !== undefined).length;
  return {
    passed: count("passed"),
    failed: count("failed") + problems,
    skipped: count("skipped"),
  };
}

/** The tests with a status: each once, with the runtimes that say so. */
function listed(runs: readonly TestRun[], status: TestCase["status"]): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const run of runs) {
    for (const test of run.cases) {
      if (test.status !== status) continue;
      const runtimes = names.get(test.name) ?? new Set();
      names.set(test.name, runtimes.add(run.runtime.name));
    }
  }
  return names;
}

/** Deno and Bun do not report why a test is skipped; Node does, of the same test. */
function reasons(runs: readonly TestRun[]): Map<string, string> {
  const result = new Map<string, string>();
  for (const { name, reason } of runs.flatMap((run) => run.cases)) {
    if (reason !== undefined) result.set(name, reason);
  }
  return result;
}

function* skipLines(runs: readonly TestRun[]): Generator<string> {
  const why = reasons(runs);
  for (const [name, runtimes] of listed(runs, "skipped")) {
    const reason = why.get(name) ?? "no reason reported";
    yield `  skipped on ${[...runtimes].join(", ")}: ${name} (${reason})`;
  }
}

function* failureLines(runs: readonly TestRun[]): Generator<string> {
  for (const [name, runtimes] of listed(runs, "failed")) {
    yield `  FAILED on ${[...runtimes].join(", ")}: ${name}`;
  }
  for (const { runtime, problem } of runs) {
    if (problem !== undefined) yield `  FAILED: ${runtime.name} ${problem}`;
  }
}

/** The lines to print at the end; the last one stands alone and is made for machines. */
export function summarise(runs: readonly TestRun[]): string[] {
  const lines = ["", ...skipLines(runs), ...failureLines(runs)];
  for (const run of runs) {
    const { passed, failed, skipped } = countTests([run]);
    const { name } = run.runtime;
    const time = run.seconds.toFixed(1);
    lines.push(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${time}s`);
  }
  const { passed, failed } = countTests(runs);
  return [...lines, `${passed} passed, ${failed} failed`];
}
