import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { JobEventSubjects, type SubjectFilter } from "../../src/event/subjects.ts";
import type { JobEvent } from "../../src/gen/factories.ts";
import { JOB_EVENT_TYPES, type JobEventType } from "../../src/gen/types.ts";
import { event as anyEvent, id as anyId } from "./arbitraries.ts";
import { ALL_TYPES } from "./samples.ts";

const subjects = new JobEventSubjects();
const P = "naq.jobs.events";

/** What a server does: `*` stands for one token, `>` for one or more at the end. */
function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  for (const [index, token] of wanted.entries()) {
    if (token === ">") return tokens.length > index;
    if (index >= tokens.length || token !== "*" && token !== tokens[index]) return false;
  }
  return tokens.length === wanted.length;
}

// Few ids, so that filters often match; each has what subjects give a meaning to.
const fewIds = fc.constantFrom("a", "b", "a.b", "*", ">", "global", "worker", "completed", "é");
const types = fc.constantFrom(...JOB_EVENT_TYPES.slice(0, 9));
const event: fc.Arbitrary<JobEvent> = fc.record({
  jobId: fewIds,
  eventType: types,
  timestamp: fc.constant(1),
  workerId: fewIds,
  queueName: fewIds,
  details: fc.record({ retry_count: fc.oneof(fc.nat(3), fewIds), schedule_name: fewIds }, {
    requiredKeys: [],
    noNullPrototype: true,
  }),
}, { requiredKeys: ["jobId", "eventType", "timestamp"], noNullPrototype: true });
const filter: fc.Arbitrary<SubjectFilter> = fc.record({
  jobId: fewIds,
  workerId: fewIds,
  queueName: fewIds,
  eventType: fc.oneof(types, fc.array(types, { maxLength: 4 })),
}, { requiredKeys: [], noNullPrototype: true });

function isIn(event: JobEvent, filter: SubjectFilter): boolean {
  const types = typeof filter.eventType === "string" ? [filter.eventType] : filter.eventType;
  return (filter.jobId === undefined || filter.jobId === event.jobId) &&
    (filter.workerId === undefined || filter.workerId === event.workerId) &&
    (filter.queueName === undefined || filter.queueName === event.queueName) &&
    (types === undefined || types.includes(event.eventType));
}

function create(eventType: JobEventType, fields: Partial<JobEvent> = {}): JobEvent {
  return { jobId: "j", eventType, timestamp: 1, ...fields };
}

describe("JobEventSubjects.forEvent()", () => {
  it("gives each type the form that the schema says", () => {
    const expected = [
      "queue.mail.enqueued",
      "worker.w-1.dequeued",
      "worker.w-1.started",
      "worker.w-1.completed",
      "worker.w-1.failed",
      "lifecycle.cancelled",
      "worker.w-1.timeout",
      "retry.1.retry_scheduled",
      "worker.w-1.retry_started",
      "retry.3.max_retries_exceeded",
      "lifecycle.dependency_satisfied",
      "lifecycle.dependency_failed",
      "lifecycle.waiting_for_dependencies",
      "schedule.nightly.scheduled",
      "schedule.nightly.schedule_triggered",
      "schedule.nightly.schedule_paused",
      "schedule.nightly.schedule_resumed",
      "schedule.nightly.schedule_deactivated",
      "worker.w-1.worker_assigned",
      "worker.w-1.worker_released",
      "queue.mail.queue_priority_changed",
      "queue.bulk.queue_moved",
      "lifecycle.ttl_expired",
      "lifecycle.ttl_extended",
    ];
    assert.deepEqual(
      ALL_TYPES.map((event) => subjects.forEvent(event)),
      expected.map((rest) => `${P}.job-1.${rest}`),
    );
  });

  it("prefers the worker, then the queue, then the form of the type, then the bare form", () => {
    const details = { retry_count: 2 };
    const both = { workerId: "w", queueName: "q", details };
    assert.equal(
      subjects.forEvent(create("retry_scheduled", both)),
      `${P}.j.worker.w.retry_scheduled`,
    );
    const queue = { queueName: "q", details };
    assert.equal(
      subjects.forEvent(create("retry_scheduled", queue)),
      `${P}.j.queue.q.retry_scheduled`,
    );
    assert.equal(
      subjects.forEvent(create("retry_scheduled", { details })),
      `${P}.j.retry.2.retry_scheduled`,
    );
    assert.equal(subjects.forEvent(create("retry_scheduled")), `${P}.j.retry_scheduled`);
    assert.equal(subjects.forEvent(create("completed", { details })), `${P}.j.completed`);
    assert.equal(
      subjects.forEvent(create("cancelled", { queueName: "q" })),
      `${P}.j.queue.q.cancelled`,
    );
  });

  it("takes the bare form for a detail that cannot be a token", () => {
    for (const value of ["", "\ud800", "x".repeat(256), true, null, [1], { a: 1 }, 5n]) {
      const event = create("retry_scheduled", { details: { retry_count: value } });
      assert.equal(subjects.forEvent(event), `${P}.j.retry_scheduled`);
    }
    const fraction = create("retry_scheduled", { details: { retry_count: 1.5 } });
    assert.equal(subjects.forEvent(fraction), `${P}.j.retry.1=2E5.retry_scheduled`);
  });

  it("refuses ids and types that cannot be a token, by the field's name", () => {
    const wrong: readonly [Partial<Record<keyof JobEvent, unknown>>, string][] = [
      [{ jobId: "" }, "jobId"],
      [{ jobId: undefined }, "jobId"],
      [{ jobId: "a".repeat(256) }, "jobId"],
      [{ workerId: "\ud800" }, "workerId"],
      [{ workerId: 5 }, "workerId"],
      [{ queueName: "" }, "queueName"],
      [{ eventType: "a.>" }, "eventType"],
      [{ eventType: undefined }, "eventType"],
    ];
    for (const [fields, name] of wrong) {
      const event = { ...create("started"), ...fields } as unknown as JobEvent;
      assert.throws(() => subjects.forEvent(event), {
        name: "TypeError",
        message: new RegExp(`^Invalid job event: ${name} `),
      });
    }
  });

  it("gives subjects that have only what a subject may have", () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        assert.match(subjects.forEvent(event), /^naq\.jobs\.events(?:\.[A-Za-z0-9_=-]+){2,4}$/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("JobEventSubjects.parse()", () => {
  it("gives back the raw ids of any event", () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const parsed = subjects.parse(subjects.forEvent(event));
        assert.equal(parsed?.jobId, event.jobId);
        assert.equal(parsed.eventType, event.eventType);
        if (event.workerId !== undefined) {
          assert.deepEqual([parsed.context, parsed.contextId], ["worker", event.workerId]);
        } else if (event.queueName !== undefined) {
          assert.deepEqual([parsed.context, parsed.contextId], ["queue", event.queueName]);
        }
      }),
      { numRuns: 1000 },
    );
    assert.deepEqual(subjects.parse(subjects.forEvent(ALL_TYPES[7]!)), {
      jobId: "job-1",
      context: "retry",
      contextId: "1",
      eventType: "retry_scheduled",
    });
    assert.deepEqual(subjects.parse(`${P}.j.lifecycle.cancelled`), {
      jobId: "j",
      context: "lifecycle",
      eventType: "cancelled",
    });
    assert.deepEqual(subjects.parse(`${P}.j.completed`), { jobId: "j", eventType: "completed" });
  });

  it("gives undefined for what is not of this grammar or prefix", () => {
    const others = [
      "",
      P,
      `${P}.`,
      `${P}.j`,
      `${P}.completed`,
      `${P}.j.begun`,
      `${P}.j.worker.completed`,
      `${P}.j.worker..completed`,
      `${P}.j.lifecycle.x.completed`,
      `${P}.j.other.x.completed`,
      `${P}.j.worker.w.x.completed`,
      `${P}.global.worker.w.completed`,
      `${P}.global.completed`,
      `${P}..completed`,
      `${P}.=zz.completed`,
      `${P}.=C3.completed`,
      `${P}x.j.completed`,
      `other.j.completed`,
      `x${P}.j.completed`,
      `${P}.j.*`,
      `${P}.>`,
    ];
    for (const subject of others) assert.equal(subjects.parse(subject), undefined, subject);
    fc.assert(fc.property(fc.string(), (subject) => {
      assert.equal(subjects.parse(subject), undefined);
      subjects.parse(`${P}.${subject}`);
    }));
  });

  it("gives back global where it is an id", () => {
    const event = create("completed", { jobId: "global", workerId: "global" });
    const subject = subjects.forEvent(event);
    assert.equal(subject, `${P}.=67lobal.worker.=67lobal.completed`);
    const { jobId, contextId } = subjects.parse(subject)!;
    assert.deepEqual([jobId, contextId], ["global", "global"]);
  });
});

describe("JobEventSubjects patterns", () => {
  it("job(), worker(), queue(), all() and type() are these", () => {
    assert.equal(subjects.all(), `${P}.>`);
    assert.equal(subjects.job("a.b"), `${P}.a=2Eb.>`);
    assert.equal(subjects.worker("w"), `${P}.*.worker.w.*`);
    assert.equal(subjects.worker("w", "failed"), `${P}.*.worker.w.failed`);
    assert.equal(subjects.queue("*"), `${P}.*.queue.=2A.*`);
    assert.equal(subjects.queue("q", "enqueued"), `${P}.*.queue.q.enqueued`);
    assert.deepEqual(subjects.type("failed"), [
      `${P}.*.failed`,
      `${P}.*.*.failed`,
      `${P}.*.*.*.failed`,
    ]);
    assert.deepEqual(subjects.type("failed", "j"), [
      `${P}.j.failed`,
      `${P}.j.*.failed`,
      `${P}.j.*.*.failed`,
    ]);
  });

  it("no id's filter matches another id's subject", () => {
    fc.assert(
      fc.property(anyEvent, anyId, (event, other) => {
        const subject = subjects.forEvent(event);
        assert.ok(matches(subjects.job(event.jobId), subject));
        if (other !== event.jobId) {
          assert.ok(!matches(subjects.job(other), subject));
          for (const type of JOB_EVENT_TYPES) {
            for (const pattern of subjects.type(type, other)) assert.ok(!matches(pattern, subject));
          }
        }
        const worker = matches(subjects.worker(other), subject);
        assert.equal(worker, event.workerId === other);
        const queue = matches(subjects.queue(other), subject);
        assert.equal(queue, event.workerId === undefined && event.queueName === other);
      }),
      { numRuns: 1000 },
    );
  });

  it("type() gives patterns of which one matches an event of the type, and none another", () => {
    fc.assert(
      fc.property(event, types, (event, type) => {
        const subject = subjects.forEvent(event);
        const found = subjects.type(type).filter((pattern) => matches(pattern, subject));
        assert.equal(found.length, event.eventType === type ? 1 : 0);
      }),
      { numRuns: 1000 },
    );
  });

  it("filters() gives patterns of which exactly one matches an event of the filter", () => {
    let hits = 0;
    // Half of the filters are made of the event's own fields, so that many match.
    const own = fc.array(fc.constantFrom("jobId", "workerId", "queueName", "eventType"));
    fc.assert(
      fc.property(event, fc.oneof(filter, own), (event, given) => {
        const filter: SubjectFilter = Array.isArray(given)
          ? Object.fromEntries(given.map((key) => [key, event[key as keyof JobEvent]]))
          : given;
        const patterns = subjects.filters(filter);
        assert.equal(new Set(patterns).size, patterns.length);
        const subject = subjects.forEvent(event);
        const found = patterns.filter((pattern) => matches(pattern, subject)).length;
        if (isIn(event, filter)) {
          hits++;
          assert.equal(found, 1, `${subject} ${patterns}`);
        } else {
          assert.ok(found <= 1, `${subject} ${patterns}`);
        }
      }),
      { numRuns: 5000 },
    );
    assert.ok(hits > 1000, `${hits} events were in their filter`);
  });

  it("filters() is as narrow as subjects allow", () => {
    const none = subjects.filters({ eventType: [] });
    assert.deepEqual(none, []);
    assert.deepEqual(subjects.filters({}), [`${P}.>`]);
    assert.deepEqual(subjects.filters({ jobId: "j" }), [`${P}.j.>`]);
    assert.deepEqual(subjects.filters({ workerId: "w", queueName: "q" }), [`${P}.*.worker.w.*`]);
    assert.deepEqual(subjects.filters({ jobId: "j", queueName: "q", eventType: "failed" }), [
      `${P}.j.queue.q.failed`,
      `${P}.j.worker.*.failed`,
    ]);
    assert.deepEqual(
      subjects.filters({ eventType: ["failed", "failed"] }),
      subjects.type("failed"),
    );
  });

  it("refuse ids that cannot be a token and types that are none", () => {
    for (const id of ["", "x".repeat(256)]) {
      assert.throws(() => subjects.job(id), { name: "RangeError" });
      assert.throws(() => subjects.worker(id), { name: "RangeError" });
      assert.throws(() => subjects.queue(id), { name: "RangeError" });
      assert.throws(() => subjects.filters({ jobId: id }), { name: "RangeError" });
      assert.throws(() => subjects.filters({ queueName: id }), { name: "RangeError" });
    }
    assert.throws(() => subjects.job("\ud800"), { name: "TypeError" });
    for (const type of ["begun", "*", ">", "a.b", ""]) {
      const wrong = type as JobEventType;
      assert.throws(() => subjects.type(wrong), { name: "TypeError" });
      assert.throws(() => subjects.worker("w", wrong), { name: "TypeError" });
      assert.throws(() => subjects.queue("q", wrong), { name: "TypeError" });
      assert.throws(() => subjects.filters({ eventType: ["failed", wrong] }), {
        name: "TypeError",
      });
    }
  });
});

describe("new JobEventSubjects()", () => {
  it("takes a prefix of one or more tokens", () => {
    for (const prefix of ["events", "a.b", "prod.größe_1"]) {
      const other = new JobEventSubjects(prefix);
      const event = create("completed");
      assert.equal(other.forEvent(event), `${prefix}.j.completed`);
      assert.deepEqual(other.parse(`${prefix}.j.completed`), {
        jobId: "j",
        eventType: "completed",
      });
      assert.equal(other.parse(subjects.forEvent(event)), undefined);
    }
  });

  it("refuses a prefix with empty tokens, wildcards, white space or control characters", () => {
    for (
      const prefix of [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a.*",
        ">",
        "a b",
        "a\tb",
        "a\n",
        "a\0",
        "a\x7f",
        "\u2028",
      ]
    ) {
      assert.throws(() => new JobEventSubjects(prefix), { name: "TypeError", message: /prefix/ });
    }
    assert.throws(() => new JobEventSubjects(5 as unknown as string), { name: "TypeError" });
  });
});
