/**
 * How long does a command take to start, and how many events a second go through `export` and
 * `import`?
 *
 * Method: each run is a process of its own, on the runtime that measures. The start of the runtime
 * with an empty script is the peer. For the rates 100,000 events of 10,000 jobs lie in a SQLite
 * file; one operation is one event, the start of the process is a part of the time, and the peer is
 * the copy of the exported file. Nothing is flushed to the disk but at the end of an export.
 */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { JobEvent } from "../../src/gen/factories.ts";
import { openStorage } from "../../src/open.ts";
import { startNatsServer } from "../nats_server.ts";
import { ROOT } from "../runtimes.ts";
import { bench, type Contender } from "./timing.ts";

const EVENTS = 100_000;
const BATCH = 5000;
const PROGRAM = join(ROOT, "src/cli/mod.ts");

const first = "deno" in process.versions ? ["run", "-A", "--quiet"] : [];

function run(script: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [...first, script, ...args]);
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
}

/** One operation is one process. */
function start(name: string, script: string, ...args: readonly string[]): Contender {
  return {
    name,
    round: (count) => {
      const started = performance.now();
      for (let index = 0; index < count; index++) run(script, ...args);
      return (performance.now() - started) * 1e6;
    },
  };
}

/** One operation is one event; a round is always a whole transfer. */
function transfer(name: string, work: () => void): Contender {
  return {
    name,
    round: (count) => {
      const started = performance.now();
      work();
      return (performance.now() - started) * 1e6 * count / EVENTS;
    },
  };
}

async function fill(url: string): Promise<void> {
  const storage = await openStorage(url);
  const events = Array.from(
    { length: EVENTS },
    (_, at) =>
      at % 10 < 9
        ? JobEvent.started(`job-${at % 10_000}`, `worker-${at % 10}`, "async")
        : JobEvent.completed(`job-${at % 10_000}`, `worker-${at % 10}`, 12.3),
  );
  for (let at = 0; at < EVENTS; at += BATCH) {
    await storage.storeEvents(events.slice(at, at + BATCH));
  }
  await storage.close();
}

const directory = mkdtempSync(join(tmpdir(), "naq-events-bench-cli-"));
// Each stream sets its 10 GiB aside.
const server = await startNatsServer({ maxFileStoreBytes: 2 ** 42 });
const path = (name: string): string => join(directory, name);
let made = 0;
try {
  const source = `sqlite:${path("source.sqlite")}`;
  await fill(source);
  const empty = path("empty.ts");
  writeFileSync(empty, "export {};\n");
  await bench({
    title: "Start of the command line",
    rounds: 7,
    roundMs: 1000,
    contenders: [
      start("naq-events --help", PROGRAM, "--help"),
      start("naq-events history, SQLite", PROGRAM, "history", "job-1", "--storage", source),
      start("an empty script", empty),
    ],
  });
  const names = (): string[] => {
    made++;
    return ["--stream", `S${made}`, "--subject-prefix", `s${made}`];
  };
  const [lines, raw] = [path("events.ndjson"), path("events.msgpack")];
  await bench({
    title: `${EVENTS.toLocaleString("en")} events through export and import`,
    rounds: 3,
    roundMs: 1,
    contenders: [
      transfer(
        "export, SQLite to NDJSON",
        () => run(PROGRAM, "export", lines, "--force", "--storage", source),
      ),
      transfer(
        "export --raw, SQLite",
        () => run(PROGRAM, "export", raw, "--raw", "--force", "--storage", source),
      ),
      transfer(
        "import of NDJSON, SQLite",
        () => run(PROGRAM, "import", lines, "--storage", `sqlite:${path(`${++made}.sqlite`)}`),
      ),
      transfer(
        "import of --raw, SQLite",
        () => run(PROGRAM, "import", raw, "--storage", `sqlite:${path(`${++made}.sqlite`)}`),
      ),
      transfer(
        "import of --raw, NATS",
        () => run(PROGRAM, "import", raw, "--storage", server.url, ...names()),
      ),
      transfer("a copy of the NDJSON", () => copyFileSync(lines, path("copy.ndjson"))),
    ],
  });
} finally {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
}
