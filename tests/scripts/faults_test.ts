import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { checkStream } from "../../scripts/faults/check.ts";
import { findRuntime, RUNTIME_NAMES } from "../../scripts/runtimes.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { runChild } from "../child.ts";

const skip = natsSkipReason() || missingRuntime();
if (skip !== false) console.log(`Skipped: ${skip}`);
const script = new URL("../../scripts/faults.ts", import.meta.url);
const SEED = process.env["TEST_SEED"] ?? "7";

/** The producers run on all three runtimes; outside of `deno task` one may not be there. */
function missingRuntime(): string | false {
  try {
    RUNTIME_NAMES.forEach(findRuntime);
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}

describe("deno task faults", () => {
  it("loses, repeats and reorders nothing over kills and cuts", {
    skip,
    timeout: 120_000,
  }, async () => {
    await using run = runChild(script, "kill", "cut", "--events", "12000", "--seed", SEED);
    const code = await run.ended(100_000);
    const output = `${run.lines.join("\n")}\n${run.errors}`;
    assert.equal(code, 0, output);
    assert.equal(output.match(/12000 events in .* each one once and in order/g)?.length, 2, output);
    assert.match(output, /killed and restarted [1-9]/);
  });

  it("names an unknown fault and those that there are", async () => {
    await using run = runChild(script, "earthquake");
    assert.equal(await run.ended(), 2);
    assert.match(run.errors, /There is no fault "earthquake", only none, kill/);
  });
});

describe("checkStream()", () => {
  const stored = async (indexes: readonly number[]): Promise<MemoryJobEventStorage> => {
    const storage = new MemoryJobEventStorage();
    await storage.storeEvents(
      indexes.map((index) =>
        JobEvent.completed(`p-${index % 2}`, "p", 1, { message: String(index) })
      ),
    );
    return storage;
  };
  const check = async (indexes: readonly number[], accepted: number): Promise<string[]> => {
    await using storage = await stored(indexes);
    return await checkStream(storage, [{ name: "p", accepted }]);
  };

  it("accepts each event once, with each job's in order", async () => {
    assert.deepEqual(await check([1, 0, 3, 2], 4), []);
  });

  it("finds what is lost, there twice, out of order, or from nobody", async () => {
    assert.deepEqual(await check([0, 2], 3), ["p lost event 1"]);
    assert.deepEqual(await check([0, 1, 0], 2), ["p has event 0 twice"]);
    assert.deepEqual(await check([2, 0, 1], 3), ["p-0 has event 0 after 2"]);
    assert.deepEqual(await check([0, 1], 1), ["p-1 has event 1, which nobody accepted"]);
  });
});
