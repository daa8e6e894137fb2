/** What happens in a simulation, and how it ends. */

import { checkAlways, checkSettled } from "./invariants.ts";
import type { World } from "./world.ts";

/** Performs random steps, and ends. */
export async function performSteps(world: World): Promise<void> {
  for (let left = world.settings.steps; left > 0; left--) {
    await step(world);
    await look(world);
  }
  await end(world);
}

/** Checks what holds now; often also what holds when everything that is under way has run. */
async function look(world: World): Promise<void> {
  checkAlways(world);
  if (world.chance.happens(0.4)) {
    // A few turns of promises: the next step meets the logger in the middle of something.
    for (let turns = world.chance.between(0, 12); turns > 0; turns--) await undefined;
    checkAlways(world);
  } else {
    await rest(world);
  }
}

/** Lets everything run that is due. */
async function rest(world: World): Promise<void> {
  await world.clock.advance(0);
  checkAlways(world);
  checkSettled(world);
}

async function step(world: World): Promise<void> {
  const { chance, sink } = world;
  switch (chance.between(0, 19)) {
    case 0:
    case 1:
      return world.flush(chance.pick(undefined, 0, 1, 50, 1000, Infinity));
    case 2:
      return world.ready();
    case 3:
      if (world.settings.overflow === "block") world.produce(chance.between(1, 20));
      return;
    case 4:
      return world.logInvalid();
    case 5:
      sink.isDown = true;
      return world.say("the connection is lost");
    case 6:
    case 7:
      world.say("the sink is repaired");
      return sink.repair();
    case 8:
      if (chance.happens(0.15)) world.stop(drawDeadline(world));
      return;
    case 9:
    case 10:
    case 11:
    case 12:
      return await advance(world, chance.pick(0, 1, 10, 50, 100, 500, 2000, 6000));
    default:
      for (let count = chance.pick(1, 1, 2, 4, 15); count > 0; count--) world.log(world.newEvent());
      // Also without having been blocked.
      if (chance.happens(0.2)) world.ready();
  }
}

function drawDeadline({ chance }: World): number | undefined {
  return chance.pick(undefined, -1, 0, 1, 50, 1000, 20_000);
}

async function advance(world: World, ms: number): Promise<void> {
  world.say(`${ms} ms pass`);
  await world.clock.advance(ms);
}

/** Stops in the middle of everything, or lets everything end well first. */
async function end(world: World): Promise<void> {
  const { chance, sink } = world;
  if (chance.happens(0.6)) await endWell(world);
  const deadlineMs = drawDeadline(world);
  world.stop(deadlineMs);
  await look(world);
  // An earlier stop() may have had more time than this one.
  await advance(world, 20_000);
  await rest(world);
  if (!world.waits.every(({ isOver }) => isOver)) world.book.fail("somebody waits for ever");
  await afterEnd(world);
  // What lies in the network still arrives.
  sink.repair();
  await advance(world, 10_000);
  await rest(world);
}

async function endWell(world: World): Promise<void> {
  const { book, logger, settings, sink } = world;
  world.say("everything is well from now on");
  sink.isHealed = true;
  sink.repair();
  // Long enough for every wait between two tries, and for every slow answer.
  const enoughMs = settings.retry.maxDelayMs + 50 * 700;
  await advance(world, enoughMs);
  await rest(world);
  world.flush(enoughMs);
  await advance(world, enoughMs);
  await rest(world);
  if (sink.isDead) return;
  const { buffered, inFlight } = logger.stats();
  if (buffered + inFlight > 0) book.fail("events are left although everything is well");
  if (!world.waits.every(({ isOver }) => isOver)) book.fail("somebody waits although all is well");
}

/** A logger that was stopped answers everything, and does nothing. */
async function afterEnd(world: World): Promise<void> {
  world.log(world.newEvent());
  world.logInvalid();
  world.flush(1000);
  world.ready();
  world.stop(0);
  await rest(world);
}
