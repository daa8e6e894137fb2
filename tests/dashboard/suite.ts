/** What a dashboard's handler does, whatever the storage. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createDashboardHandler, type DashboardOptions } from "../../src/dashboard/mod.ts";
import type {
  DeadLettersAnswer,
  EventsAnswer,
  FailuresMessage,
  HealthAnswer,
  JobAnswer,
  OverviewMessage,
  RowsMessage,
  SearchAnswer,
} from "../../src/dashboard/wire.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { MemoryTaskQueue } from "../../src/queue/mod.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import { eventually } from "../helpers.ts";
import { type Messages, openMessages } from "./messages.ts";

const TIMEOUT_MS = 60_000;
const BASE = "http://dashboard.test/";

interface Bench {
  readonly storage: JobEventStorage;
  readonly get: <Answer>(path: string, status?: number) => Promise<Answer>;
  readonly post: (action: string, body: unknown) => Promise<Response>;
  readonly listen: (query: string, headers?: Record<string, string>) => Promise<Messages>;
}

/** Reads messages until one fits. */
async function until<Data>(
  messages: Messages,
  name: string,
  fits: (data: Data) => boolean,
): Promise<Data> {
  for (;;) {
    const message = await messages.next();
    if (message.event === name && fits(message.data as Data)) return message.data as Data;
  }
}

/** A handler over a new storage. */
async function withBench(
  open: () => Promise<JobEventStorage>,
  options: DashboardOptions,
  body: (bench: Bench) => Promise<void>,
): Promise<void> {
  await using storage = await open();
  await using handler = createDashboardHandler(storage, options);
  const ask = (path: string, init?: RequestInit) => handler(new Request(BASE + path, init));
  const opened: Messages[] = [];
  await body({
    storage,
    get: async <Answer>(path: string, status = 200) => {
      const response = await ask(path);
      assert.equal(response.status, status, path);
      return await response.json() as Answer;
    },
    post: (action, body) =>
      ask(`api/${action}`, {
        method: "POST",
        headers: { "x-naq-dashboard": "1", "sec-fetch-site": "same-origin" },
        body: JSON.stringify(body),
      }),
    listen: async (query, headers = {}) => {
      const messages = openMessages(await ask(`api/live?${query}`, { headers }));
      opened.push(messages);
      return messages;
    },
  });
  await Promise.all(opened.map((messages) => messages.close()));
}

const history = [
  JobEvent.enqueued("mail-1", "mail", { tags: { tenant: "a" } }),
  JobEvent.started("mail-1", "w-1", "async"),
  JobEvent.failed("mail-1", "w-1", new TypeError("No address of user 17"), 20),
  JobEvent.enqueued("report-1", "reports"),
  JobEvent.started("report-1", "w-2", "async"),
  JobEvent.completed("report-1", "w-2", 30, {
    details: { rows: 2n ** 60n, at: new Date(0), bytes: new Uint8Array([1, 255]) },
  }),
  JobEvent.started("mail-2", "w-1", "async"),
  JobEvent.failed("mail-2", "w-1", new TypeError("No address of user 18"), 10),
];

/** Runs the cases; `open` makes an empty storage. */
export function dashboardSuite(name: string, open: () => Promise<JobEventStorage>): void {
  const run = (
    title: string,
    body: (bench: Bench) => Promise<void>,
    options: DashboardOptions = {},
  ) => it(title, { timeout: TIMEOUT_MS }, () => withBench(open, options, body));

  describe(`createDashboardHandler() on ${name}`, { timeout: TIMEOUT_MS }, () => {
    run("gives events by every filter, newest first, page by page", async ({ storage, get }) => {
      const stored = await storage.storeEvents(history);
      const seqs = stored.map((event) => event.natsSequence).reverse();
      const shown = async (query: string) => {
        const { rows } = await get<EventsAnswer>(`api/events?${query}`);
        return rows.map((row) => seqs.length - 1 - seqs.indexOf(row.seq));
      };
      assert.deepEqual(await shown(""), [7, 6, 5, 4, 3, 2, 1, 0]);
      assert.deepEqual(await shown("job=mail-1"), [2, 1, 0]);
      assert.deepEqual(await shown("worker=w-2"), [5, 4]);
      assert.deepEqual(await shown("queue=mail"), [0]);
      assert.deepEqual(await shown("type=failed,completed"), [7, 5, 2]);
      assert.deepEqual(await shown("tag=tenant%3Da"), [0]);
      assert.deepEqual(await shown("error=user+17"), [2]);
      assert.deepEqual(await shown(`until=${history[0]!.timestamp - 1}`), []);
      const first = await get<EventsAnswer>("api/events?limit=3");
      await storage.storeEvent(JobEvent.started("late", "w-9", "async"));
      const { before, offset } = first.next!;
      assert.deepEqual(await shown(`limit=3&before=${before}&offset=${offset}`), [4, 3, 2]);
    });

    run("gives one job with everything as JSON", async ({ storage, get }) => {
      await storage.storeEvents(history);
      const { events, cut } = await get<JobAnswer>("api/job?id=report-1");
      assert.deepEqual(events.map((event) => event.type), ["enqueued", "started", "completed"]);
      assert.equal(cut, false);
      assert.deepEqual(events[2]?.details, {
        rows: "1152921504606846976n",
        at: "1970-01-01T00:00:00.000Z",
        bytes: "2 bytes: 01 ff",
      });
      assert.deepEqual(await get("api/job?id=unknown"), { events: [], cut: false });
    });

    run("counts what was before and what comes", async ({ storage, listen }) => {
      await storage.storeEvents(history);
      const overview = await listen("view=overview");
      const before = await until<OverviewMessage>(
        overview,
        "overview",
        ({ status }) => status.state === "live",
      );
      assert.deepEqual([before.started, before.completed, before.failed], [3, 1, 2]);
      assert.deepEqual(before.queues.map((queue) => queue.name).sort(), ["mail", "reports"]);
      assert.deepEqual(before.workers.map(({ name, started }) => [name, started]), [
        ["w-1", 2],
        ["w-2", 1],
      ]);
      await storage.storeEvent(JobEvent.started("mail-3", "w-3", "async"));
      const after = await until<OverviewMessage>(overview, "overview", (x) => x.started === 4);
      assert.equal(after.inFlight, 1);
      const sum = (values: readonly number[]) => values.reduce((left, right) => left + right, 0);
      assert.equal(sum(after.series[1]!.started), 4);
    });

    run("groups failures that look alike", async ({ storage, listen }) => {
      await storage.storeEvents(history);
      const failures = await listen("view=failures");
      const { groups } = await until<FailuresMessage>(
        failures,
        "failures",
        ({ status }) => status.state === "live",
      );
      assert.equal(groups.length, 1);
      const { errorType, message, count, jobs, perMinute } = groups[0]!;
      assert.deepEqual({ errorType, message, count, jobs }, {
        errorType: "TypeError",
        message: "No address of user 18",
        count: 2,
        jobs: ["mail-2", "mail-1"],
      });
      assert.equal(perMinute.reduce((left, right) => left + right, 0), 2);
    });

    run("sends what comes, and what was missed, each once", async ({ storage, listen }) => {
      const stored = await storage.storeEvents(history);
      const after = stored[4]!.natsSequence;
      const first = await listen(`view=rows&after=${after}`);
      const missed = await until<RowsMessage>(first, "rows", () => true);
      assert.deepEqual(
        missed.rows.map((row) => row.seq),
        stored.slice(5).map((e) => e.natsSequence),
      );
      await storage.storeEvent(JobEvent.started("mail-3", "w-3", "async"));
      const { rows } = await until<RowsMessage>(first, "rows", () => true);
      assert.deepEqual(rows.map((row) => row.job), ["mail-3"]);
      const { id } = first.last!;
      await first.close();
      await storage.storeEvent(JobEvent.started("mail-4", "w-3", "async"));
      // The URL still has the position of the first time; what the browser says wins.
      const again = await listen(`view=rows&after=${after}`, { "last-event-id": id! });
      const caughtUp = await until<RowsMessage>(again, "rows", () => true);
      assert.deepEqual(caughtUp.rows.map((row) => row.job), ["mail-4"]);
      assert.equal(caughtUp.gap, false);
    });

    run("sends only what a filter wants", async ({ storage, listen }) => {
      await storage.storeEvents(history);
      const feed = await listen("view=rows&worker=w-5&error=boom");
      await until(feed, "status", ({ state }: { state: string }) => state === "live");
      await storage.storeEvents([
        JobEvent.failed("a", "w-5", new Error("boom"), 1),
        JobEvent.failed("b", "w-5", new Error("other"), 1),
        JobEvent.failed("c", "w-6", new Error("boom"), 1),
        JobEvent.failed("d", "w-5", new Error("BOOM"), 1),
      ]);
      const jobs: string[] = [];
      while (jobs.length < 2) {
        const { rows } = await until<RowsMessage>(feed, "rows", () => true);
        jobs.push(...rows.map((row) => row.job));
      }
      assert.deepEqual(jobs, ["a", "d"]);
    });

    run("finds jobs, queues, workers and errors", async ({ storage, get, listen }) => {
      await storage.storeEvents(history);
      await until(
        await listen("view=failures"),
        "failures",
        (x: FailuresMessage) => x.status.state === "live",
      );
      const { hits } = await get<SearchAnswer>("api/search?q=mail");
      assert.deepEqual(hits, [
        { kind: "job", value: "mail-2" },
        { kind: "job", value: "mail-1" },
        { kind: "queue", value: "mail" },
      ]);
      const exact = await get<SearchAnswer>("api/search?q=report-1");
      assert.deepEqual(exact.hits, [{ kind: "job", value: "report-1" }]);
      assert.deepEqual((await get<SearchAnswer>(`api/search?q=${"x".repeat(999)}`)).hits, []);
    });

    run("says how the storage is", async ({ storage, get }) => {
      await storage.storeEvents(history);
      const health = await get<HealthAnswer>("api/health");
      assert.equal(health.storage.status, "healthy");
      assert.equal(health.storage.messages, history.length);
    });

    const queue = new MemoryTaskQueue();
    const asked: string[] = [];
    const options: DashboardOptions = {
      allowActions: true,
      authorize: (_request, access) => asked.push(access) > 0,
      tasks: queue,
    };
    run("deletes, cancels, replays and purges", async ({ storage, get, post }) => {
      await queue.enqueue({ id: "mail-1", functionName: "send" });
      await storage.storeEvents(history);
      await using member = storage.consumeEvents({ consumerName: "g", queueName: "mail" });
      for await (const delivery of member) {
        await delivery.deadLetter("no such address");
        break;
      }
      const letters = await eventually(async () => {
        const answer = await get<DeadLettersAnswer>("api/dead-letters");
        return answer.letters.length > 0 && answer.letters;
      });
      assert.equal(letters[0]?.reason, "no such address");
      assert.equal(letters[0]?.event?.job, "mail-1");
      const count = async (action: string, body: unknown) => {
        const response = await post(action, body);
        const { count } = await response.json() as { count?: number };
        return [response.status, count];
      };
      assert.deepEqual(await count("replay", { ids: letters.map((letter) => letter.id) }), [
        200,
        1,
      ]);
      assert.deepEqual(await count("purge", { consumerName: "g" }), [200, 0]);
      assert.deepEqual(await count("cancel", { jobId: "mail-1" }), [200, 1]);
      assert.deepEqual(await count("cancel", { jobId: "mail-9" }), [200, 0]);
      assert.deepEqual(await count("delete", { jobId: "mail-1" }), [200, 3]);
      assert.deepEqual(await count("delete", {}), [400, undefined]);
      assert.deepEqual(await count("purge", {}), [400, undefined]);
      assert.deepEqual((await storage.getEvents("mail-1")).length, 0);
      for (const access of ["read", "delete", "replay", "purge", "cancel"]) {
        assert.ok(asked.includes(access), `authorize was not asked for ${access}`);
      }
    }, options);
  });
}
