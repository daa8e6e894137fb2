import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { JobEvent } from "../../src/gen/types.ts";
import { ProjectCopy } from "./project_copy.ts";
import { evolved } from "./schemas.ts";
import { unpack } from "msgpackr";

/** The modules of the copy, by the names that the tests use. */
interface Copy {
  readonly factory: (...args: unknown[]) => JobEvent & { readonly tenant?: string };
  readonly create: (init: Record<string, unknown>) => JobEvent;
  readonly encode: (event: JobEvent) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => JobEvent;
  readonly subjects: {
    forEvent(event: JobEvent): string;
    parse(subject: string): unknown;
    type(type: string): string[];
  };
  readonly log: (args: unknown[]) => JobEvent | undefined;
}

async function generateCopy(copy: ProjectCopy): Promise<Copy> {
  await copy.generate(evolved);
  const factories = await copy.import("src/gen/factories.ts");
  const subjects = await copy.import("src/event/subjects.ts");
  const methods = await copy.import("src/gen/log_methods.ts");
  const JobEvent = factories["JobEvent"] as Record<string, Copy["factory"]>;
  const Subjects = subjects["JobEventSubjects"] as { new (): Copy["subjects"] };
  const LogMethods = methods["JobEventLogMethods"] as { new (): object };
  class Log extends LogMethods {
    last: JobEvent | undefined;
    logEvent(event: JobEvent): boolean {
      this.last = event;
      return true;
    }
  }
  return {
    factory: JobEvent["jobPostponed"]!,
    create: JobEvent["create"] as unknown as Copy["create"],
    encode: (await copy.import("src/event/encode.ts"))["encodeJobEvent"] as Copy["encode"],
    decode: (await copy.import("src/gen/decode.ts"))["decodeJobEvent"] as Copy["decode"],
    subjects: new Subjects(),
    log: (args) => {
      const log = new Log() as Log & { logJobJobPostponed(...args: unknown[]): boolean };
      log.logJobJobPostponed(...args);
      return log.last;
    },
  };
}

describe("the new event type and the new field of docs/schema.md, one line each", () => {
  const copy = new ProjectCopy();
  let made: Copy;
  before(async () => {
    made = await generateCopy(copy);
  });
  after(copy.remove);

  const ARGS = ["job.1", "mail", "acme", 1500, { timestamp: 1700000000.5, count: 3 }];
  const EXPECTED = {
    jobId: "job.1",
    eventType: "job_postponed",
    timestamp: 1700000000.5,
    queueName: "mail",
    tenant: "acme",
    message: "Postponed in 'mail' by 1500.00ms for acme, 3 times",
    details: { delay_ms: 1500, count: 3 },
  };

  it("give a factory that checks its arguments", () => {
    assert.deepEqual(made.factory(...ARGS), EXPECTED);
    assert.deepEqual(made.factory("j", "q", "t", 1, { timestamp: 0 }).details, {
      delay_ms: 1,
      count: 1,
    });
    assert.throws(() => made.factory("job", "mail", undefined, 5), {
      name: "TypeError",
      message: /tenant/,
    });
    assert.throws(() => made.factory("job", "mail", "acme", "5"), {
      name: "TypeError",
      message: /delayMs/,
    });
  });

  it("give a method of the logger", () => {
    assert.deepEqual(made.log(ARGS), EXPECTED);
  });

  it("give an encoder and a decoder, with the field in its place", () => {
    const bytes = made.encode(made.factory(...ARGS));
    const wire = unpack(bytes) as Record<string, unknown>;
    assert.equal(wire["tenant"], "acme");
    assert.equal(Object.keys(wire).at(-1), "tenant");
    assert.equal(wire["event_type"], "job_postponed");
    assert.deepEqual(made.decode(bytes), EXPECTED);
  });

  it("give a subject that finds the event", () => {
    const subject = made.subjects.forEvent(made.factory(...ARGS));
    assert.equal(subject, "naq.jobs.events.job=2E1.queue.mail.job_postponed");
    assert.deepEqual(made.subjects.parse(subject), {
      jobId: "job.1",
      context: "queue",
      contextId: "mail",
      eventType: "job_postponed",
    });
    assert.equal(made.subjects.type("job_postponed").length, 3);
  });

  it("switch to a map's header of three bytes at sixteen payload fields", () => {
    const all = {
      ...EXPECTED,
      workerId: "w",
      workerType: "async",
      errorType: "E",
      errorMessage: "e",
      durationMs: 1,
      memoryMb: 2,
      cpuTimeMs: 3,
      tags: { a: "b" },
      metadata: { a: [1] },
    };
    const bytes = made.encode(made.create(all));
    assert.deepEqual([...bytes.subarray(0, 3)], [0xde, 0, 16]);
    assert.equal(Object.keys(unpack(bytes) as object).length, 16);
    assert.deepEqual(made.decode(bytes), all);
    const few = made.encode(made.factory(...ARGS));
    assert.deepEqual([...few.subarray(0, 3)], [0xde, 0, 7]);
  });

  it("leave the event types that were there as they are", () => {
    const init = { jobId: "j", eventType: "completed", timestamp: 1, workerId: "w" };
    assert.deepEqual(made.decode(made.encode(made.create(init))), init);
  });
});
