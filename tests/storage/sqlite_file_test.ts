import assert from "node:assert/strict";
import { chmod, mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { compileFilter } from "../../src/storage/filter.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { countQuery, pageQuery } from "../../src/storage/sqlite/query.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import { seededRandom, take, temporaryDirectory, testSeed } from "../helpers.ts";
import { event, FILTERS, record } from "./events.ts";

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let files = 0;
before(async () => {
  directory = await temporaryDirectory();
});
after(() => directory[Symbol.asyncDispose]());
const newPath = (): string => join(directory.path, `file-${++files}.sqlite`);

/** Runs SQL on a file beside the storage. */
function sql<Row = unknown>(path: string, text: string): Row[] {
  const database = new DatabaseSync(path);
  try {
    return database.prepare(text).all() as Row[];
  } finally {
    database.close();
  }
}

describe("SqliteJobEventStorage.open() on files that will not do", () => {
  const refuses = async (
    path: string,
    code: string,
    message: RegExp,
    options = {},
  ): Promise<void> => {
    await assert.rejects(
      SqliteJobEventStorage.open(path, options),
      (error: Error & { code: string }) => {
        assert.equal(error.name, "JobEventError");
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        assert(error.message.includes(path));
        return true;
      },
    );
  };

  it("a file that is no database", async () => {
    const path = newPath();
    const text = "Dear diary, this is no database at all.\n".repeat(100);
    await writeFile(path, text);
    await refuses(path, "ERR_STREAM_CONFIG", /no SQLite database/);
    assert.equal(await readFile(path, "utf8"), text);
  });

  it("the database of another program, which stays as it is", async () => {
    const path = newPath();
    sql(path, "CREATE TABLE other (x)");
    const bytes = await readFile(path);
    await refuses(path, "ERR_STREAM_CONFIG", /another program/);
    assert.deepEqual(await readFile(path), bytes);
  });

  it("a newer version of the schema", async () => {
    const path = newPath();
    await (await SqliteJobEventStorage.open(path)).close();
    sql(path, "PRAGMA user_version = 99");
    await refuses(path, "ERR_STREAM_CONFIG", /version 99.*update the package/);
  });

  it("a directory, and a file in a directory that is not there", async () => {
    await refuses(directory.path, "ERR_CONFIGURATION", /is a directory/);
    await refuses(join(directory.path, "no", "file"), "ERR_NOT_FOUND", /no does not exist/);
  });

  it("a file to read that is not there", async () => {
    await refuses(newPath(), "ERR_PERMISSION", /does not exist/, { readOnly: true });
  });

  // Root may write to every file. Where the runtime can, root becomes somebody else for a moment.
  const isRoot = process.geteuid?.() === 0;
  const skip = isRoot && process.seteuid === undefined && "the tests run as root";
  it("a read-only file and a read-only directory", { skip }, async () => {
    const closed = join(directory.path, "closed");
    const path = join(closed, "file.sqlite");
    await mkdir(closed);
    await (await SqliteJobEventStorage.open(path)).close();
    await chmod(path, 0o444);
    await chmod(closed, 0o555);
    await chmod(directory.path, 0o755);
    if (isRoot) process.seteuid!(65534);
    try {
      await refuses(path, "ERR_PERMISSION", /read-only|cannot be opened/);
      await refuses(join(closed, "new.sqlite"), "ERR_PERMISSION", /cannot be created/);
    } finally {
      if (isRoot) process.seteuid!(0);
      await chmod(closed, 0o755);
    }
  });

  it("values that are no options", async () => {
    const path = newPath();
    const wrong = [{ busyTimeoutMs: -1 }, { pollIntervalMs: 0 }, { maxBytes: 0.5 }, {
      maxAgeMs: 0,
    }];
    for (const options of wrong) {
      await assert.rejects(SqliteJobEventStorage.open(path, options), RangeError);
    }
    await assert.rejects(SqliteJobEventStorage.open(""), TypeError);
    const synchronous = "sometimes" as "full";
    await assert.rejects(SqliteJobEventStorage.open(path, { synchronous }), TypeError);
    await assert.rejects(SqliteJobEventStorage.open(path, { subjectPrefix: "*" }), TypeError);
  });
});

describe("SqliteJobEventStorage on files that fail later", () => {
  const outcome = async (storage: JobEventStorage): Promise<[string, string?, string?]> => {
    const [first] = await storage.append([
      record(storage, event("a", { message: "x".repeat(999) })),
    ]);
    return "error" in first!
      ? [first.status, first.error.code, first.error.message]
      : [first!.status];
  };

  it("a full disk gives `retry` and the remedy, and loses nothing", async () => {
    const path = newPath();
    await using storage = await SqliteJobEventStorage.open(path, { maxBytes: 300_000 });
    let stored = 0;
    let last = await outcome(storage);
    for (; last[0] === "stored"; last = await outcome(storage)) stored++;
    assert.deepEqual(last.slice(0, 2), ["retry", "ERR_UNAVAILABLE"]);
    assert.match(last[2]!, /full.*maxBytes.*cleanupExpiredEvents/);
    assert(stored > 50);
    assert.equal(await storage.countEvents(), stored);
    assert.equal((await storage.healthCheck()).status, "healthy");
    assert.equal(await storage.deleteEvents("a"), stored);
    assert.deepEqual(await outcome(storage), ["stored"]);
  });

  it("a lock that another process keeps gives `retry`", async () => {
    const path = newPath();
    await using storage = await SqliteJobEventStorage.open(path, { busyTimeoutMs: 20 });
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const [status, code, message] = await outcome(storage);
    assert.deepEqual([status, code], ["retry", "ERR_UNAVAILABLE"]);
    assert.match(message!, /locked.*busyTimeoutMs/);
    assert.equal(await storage.countEvents(), 0);
    await assert.rejects(storage.deleteEvents("a"), { code: "ERR_UNAVAILABLE" });
    other.exec("ROLLBACK");
    other.close();
    assert.deepEqual(await outcome(storage), ["stored"]);
  });

  it("a storage opened with readOnly reads, and refuses to write", async () => {
    const path = newPath();
    await using writer = await SqliteJobEventStorage.open(path);
    await writer.storeEvent(event("a"));
    await using storage = await SqliteJobEventStorage.open(path, { readOnly: true });
    assert.equal((await storage.getEvents("a")).length, 1);
    assert.equal((await storage.healthCheck()).messages, 1);
    assert.deepEqual((await outcome(storage)).slice(0, 2), ["rejected", "ERR_UNSUPPORTED"]);
    await assert.rejects(storage.deleteEvents("a"), { code: "ERR_UNSUPPORTED" });
    await assert.rejects(storage.cleanupExpiredEvents({ olderThan: new Date(2e12) }), {
      code: "ERR_UNSUPPORTED",
    });
    await assert.rejects(storage.consumeEvents({ consumerName: "a" }).ready, {
      code: "ERR_UNSUPPORTED",
    });
  });

  it("a damaged file is an error, also in the health check", async () => {
    const path = newPath();
    const first = await SqliteJobEventStorage.open(path);
    for (let batch = 0; batch < 10; batch++) {
      await first.storeEvents(
        Array.from({ length: 100 }, () => event("a", { message: "x".repeat(99) })),
      );
    }
    await first.close();
    const file = await open(path, "r+");
    const { size } = await file.stat();
    await file.write(new Uint8Array(size - 4096).fill(0xa5), 0, size - 4096, 4096);
    await file.close();
    const damaged = async (): Promise<void> => {
      await using storage = await SqliteJobEventStorage.open(path);
      const health = await storage.healthCheck();
      assert.equal(health.status, "error");
      assert.match(health.error!, /damaged/);
      await storage.listEvents();
    };
    await assert.rejects(damaged(), { code: "ERR_STREAM_CONFIG" });
  });
});

/** An event of any size, with a mark in each of its columns. */
function mixed(
  jobId: string,
  mark: string,
  random: (limit: number) => number,
): ReturnType<typeof event> {
  return event(jobId, {
    workerId: mark + random(50),
    queueName: mark + random(9),
    message: mark + "x".repeat(random(4) === 0 ? random(12_000) : random(200)),
    tags: { [mark + random(9)]: mark + random(99) },
  });
}

describe("SqliteJobEventStorage: what is in the file", () => {
  it("erase leaves no byte behind, in the file or in its log", async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const path = newPath();
    await using storage = await SqliteJobEventStorage.open(path);
    const secret = (): ReturnType<typeof event> => mixed("secret-job", "secret-", random);
    for (let round = 0; round < 150; round++) {
      // In between others, so that pages are split and rows are moved about.
      const others = Array.from(
        { length: random(8) },
        () => mixed(`${random(999)}-job`, "public-", random),
      );
      await storage.storeEvents([...others, secret()]);
      if (random(50) === 0) await storage.deleteEvents("secret-job");
    }
    const { natsSequence: sequence } = await storage.storeEvent(secret());
    // One of the events is a dead letter, too; another group has one that is replayed.
    for (const consumerName of ["group", "replayed"]) {
      const group = storage.consumeEvents({ consumerName, from: { sequence } });
      const [dead] = await take(group, 1);
      await dead!.deadLetter("no");
    }
    assert.equal(await storage.deadLetters.replay({ consumerName: "replayed" }), 1);
    const contains = async (): Promise<boolean> => {
      const bytes = await Promise.all(["", "-wal"].map((suffix) => readFile(path + suffix)));
      return bytes.some((file) => file.includes("secret-"));
    };
    assert.equal(await contains(), true);
    const all = await storage.countEvents();
    const deleted = await storage.deleteEvents("secret-job", { erase: true });
    assert(deleted > 0);
    assert.equal(await contains(), false, `TEST_SEED=${seed}`);
    assert.equal(await storage.countEvents(), all - deleted);
    assert.deepEqual(await storage.deadLetters.list(), []);
    const next = await storage.storeEvent(event("next"));
    assert.equal(next.natsSequence, sequence + 1);
  });

  it("every filter alone has its index, which gives its events in order", async () => {
    const path = newPath();
    await (await SqliteJobEventStorage.open(path)).close();
    const database = new DatabaseSync(path);
    const plan = ({ sql, values }: ReturnType<typeof countQuery>): string =>
      database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values)
        .map(({ detail }) => String(detail)).join("; ");
    for (const [label, filter] of Object.entries(FILTERS)) {
      const compiled = compileFilter(filter);
      const span = { after: 5, through: 500 };
      const page = plan(pageQuery(compiled, span, "oldest", 10));
      const count = plan(countQuery(compiled, 0));
      assert.match(count, /^SEARCH/, `${label}: ${count}`);
      assert.match(page, /^SEARCH/, `${label}: ${page}`);
      // Several types are read in windows, which are sorted.
      if (label !== "eventTypes") assert.doesNotMatch(page, /TEMP B-TREE/, `${label}: ${page}`);
      if (label === "since" || label === "until") assert.match(count, /events_timestamp/);
      else assert.match(page, /USING (COVERING )?(INDEX|PRIMARY KEY)/, `${label}: ${page}`);
      assert.match(page, /(rowid|sequence)[><]/, `${label}: ${page}`);
    }
    database.close();
  });

  it("reads rare types out of many events, in both orders", async () => {
    await using storage = await SqliteJobEventStorage.open(newPath());
    const types = (index: number): "failed" | "timeout" | "started" =>
      index % 2500 === 7 ? "failed" : index % 3001 === 11 ? "timeout" : "started";
    for (let first = 0; first < 12_000; first += 1000) {
      await storage.append(
        Array.from({ length: 1000 }, (_, index) =>
          record(
            storage,
            event("a", { eventType: types(first + index), timestamp: first + index }),
          )),
      );
    }
    const wanted = Array.from({ length: 12_000 }, (_, index) => index)
      .filter((index) => types(index) !== "started").map((index) => index + 1);
    const read = async (order: "oldest" | "newest", limit?: number): Promise<number[]> =>
      (await storage.listEvents({
        eventType: ["failed", "timeout"],
        order,
        ...(limit === undefined ? {} : { limit }),
      })).map(({ natsSequence }) => natsSequence);
    assert.deepEqual(await read("oldest"), wanted);
    assert.deepEqual(await read("newest"), wanted.toReversed());
    assert.deepEqual(await read("oldest", 3), wanted.slice(0, 3));
    assert.deepEqual(await read("newest", 3), wanted.toReversed().slice(0, 3));
    const both = await storage.listEvents({ eventType: ["started", "failed", "timeout"] });
    assert.deepEqual(both.map(({ natsSequence }) => natsSequence), both.map((_, at) => at + 1));
    assert.equal(both.length, 12_000);
    const range = { since: new Date(5_000_000), until: new Date(5_009_000) };
    const late = await storage.listEvents({ ...range, order: "newest", limit: 4 });
    assert.deepEqual(late.map(({ timestamp }) => timestamp), [5009, 5008, 5007, 5006]);
    assert.equal(await storage.countEvents(range), 10);
  });

  it("is a WAL file with this package's mark and version", async () => {
    const path = newPath();
    await using _storage = await SqliteJobEventStorage.open(path, { synchronous: "full" });
    assert.deepEqual({ ...sql<object>(path, "PRAGMA journal_mode")[0] }, { journal_mode: "wal" });
    assert.deepEqual({ ...sql<object>(path, "PRAGMA user_version")[0] }, { user_version: 3 });
    assert.deepEqual({ ...sql<object>(path, "PRAGMA application_id")[0] }, {
      application_id: 0x6e617165,
    });
  });

  it("opens an empty file, and one in memory", async () => {
    const path = newPath();
    await writeFile(path, "");
    for (const target of [path, ":memory:"]) {
      await using storage = await SqliteJobEventStorage.open(target);
      await storage.storeEvent(event("a"));
      assert.equal((await storage.healthCheck()).streamName, target);
      assert.equal(await storage.countEvents(), 1);
    }
  });
});
