import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { JobEvent } from "../src/gen/factories.ts";
import { openStorage } from "../src/open.ts";
import { temporaryDirectory } from "./helpers.ts";

describe("openStorage()", () => {
  it("opens memory:", async () => {
    await using storage = await openStorage("memory:", { subjectPrefix: "p" });
    const { natsSubject } = await storage.storeEvent(JobEvent.cancelled("a"));
    assert.equal(natsSubject, "p.a.lifecycle.cancelled");
  });

  it("opens sqlite: with a path, and finds there what was stored before", async () => {
    await using directory = await temporaryDirectory();
    const url = `sqlite:${join(directory.path, "events with space.sqlite")}`;
    {
      await using storage = await openStorage(url);
      await storage.storeEvent(JobEvent.cancelled("a"));
    }
    await using storage = await openStorage(url);
    assert.equal(await storage.countEvents(), 1);
  });

  it("names a URL that it cannot open, and the forms that it can", async () => {
    for (const url of ["", "memory", "memory:x", "sqlite:", "redis://a", "SQLITE:a"]) {
      await assert.rejects(openStorage(url), {
        code: "ERR_CONFIGURATION",
        message: new RegExp(`^Cannot open storage "${url}": use "memory:"`),
      });
    }
  });
});
