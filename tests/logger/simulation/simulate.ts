/** Runs one simulation, or many. */

import { JobEventLogger } from "../../../src/logger/logger.ts";
import { performSteps } from "./steps.ts";
import { type Defect, loadVariant } from "./variant.ts";
import { type LoggerClass, World } from "./world.ts";

/** What one seed leads to. */
export interface Simulated {
  readonly seed: number;
  /** The promises that were broken; none if all is well. */
  readonly violations: readonly string[];
  /** How many events were logged. */
  readonly events: number;
}

/** Options of {@linkcode simulate}. */
export interface SimulateOptions {
  /** The logger. @default the real one */
  readonly loggerClass?: LoggerClass;
  /** Told of every step. */
  readonly trace?: (line: string) => void;
}

/** Runs the simulation of one seed. The same seed does the same, always. */
export async function simulate(
  seed: number,
  { loggerClass = JobEventLogger, trace }: SimulateOptions = {},
): Promise<Simulated> {
  const { warn } = console;
  // What a callback throws is said there.
  console.warn = () => {};
  try {
    const world = new World(seed, loggerClass, trace);
    await performSteps(world);
    const { violations, events } = world.book;
    return { seed, violations: [...violations], events: events.length };
  } finally {
    console.warn = warn;
  }
}

/** So many seeds are enough for every defect. */
const DEFECT_SEEDS = 800;

/** Where a defect shows. */
export interface Sighting {
  readonly seed: number;
  readonly violation: string;
}

/** Puts a defect into the logger and looks for what it leads to, from seed 1 up. */
export async function findDefect(defect: Defect): Promise<Sighting | undefined> {
  const loggerClass = await loadVariant(defect);
  for (let seed = 1; seed <= DEFECT_SEEDS; seed++) {
    const { violations } = await simulate(seed, { loggerClass });
    const violation = violations.find((what) => defect.shows.test(what));
    if (violation !== undefined) return { seed, violation };
  }
  return undefined;
}
