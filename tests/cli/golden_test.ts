/** What the commands print, on every storage the same. */

import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { openStorage } from "../../src/open.ts";
import { temporaryDirectory } from "../helpers.ts";
import { run, TIMEOUT_MS } from "./cli.ts";
import { addDeadLetters, fill } from "./filled.ts";
import { compare } from "./golden.ts";

/** The commands that read, by the name of their golden file. */
const READING: Readonly<Record<string, readonly (readonly string[])[]>> = {
  history: [
    ["history", "job-2"],
    ["history", "job-1", "--format", "json"],
    ["history", "job-1", "--format", "ndjson"],
    ["history", "nobody"],
  ],
  list: [
    ["list", "--limit", "3"],
    ["list", "--type", "failed,completed", "--worker", "worker-2", "--order", "oldest"],
    ["list", "--job", "job-3", "--format", "ndjson"],
    ["list", "--tag", "customer=7", "--since", "2026-01-05T12:02", "--format", "json"],
    ["list", "--queue", "nothing"],
    ["list", "--queue", "nothing", "--format", "json"],
  ],
  count: [
    ["count"],
    ["count", "--type", "failed", "--until", "2026-01-05 12:01", "--format", "json"],
  ],
  stats: [["stats", "--since", "all"], ["stats", "--since", "1s"]],
  stats_json: [["stats", "--since", "all", "--queue", "report", "--format", "json"]],
  workers: [["workers", "--since", "all"], ["workers", "--since", "all", "--format", "ndjson"]],
  tail: [
    ["tail", "--from", "all", "--limit", "4"],
    ["tail", "--from", "11", "--limit", "1", "--format", "ndjson"],
  ],
  dead_letters: [
    ["dead-letters", "list"],
    ["dead-letters", "list", "--group", "nobody"],
    ["dead-letters", "show", "1"],
    ["dead-letters", "show", "17"],
    ["dead-letters", "purge"],
  ],
  health: [["health"]],
};

/** Takes out what depends on the storage and on the time. */
function mask(text: string): string {
  return text
    // How long ago it is also says how wide its column is.
    .replace(
      /( +ago +runs[^]*?\n)((?:worker-\d .*\n)+)/,
      (_, head: string, rows: string) =>
        head.replace(/^ +/, "  ") + rows.replace(/(\.\d{3}) +\d+ \w+ \d+ \w+/g, "$1  AGO"),
    )
    .replace(/^(stream +).*$/m, "$1STREAM")
    .replace(/^(server +).*$/m, "$1SERVER")
    .replace(/^(events +12, ).*$/m, "$1SIZE")
    .replace(/^(answered in +).*$/m, "$1TIME")
    .replace(/(in|events of job "nobody" in) (sqlite|nats):[^;]*/, "$1 STORAGE")
    .replace(/^(dead since +|.*billing +)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/gm, "$1SINCE");
}

function suite(
  name: string,
  options: { readonly skip: string | false; readonly names: readonly string[] },
  open: (directory: string) => Promise<string>,
): void {
  describe(`naq-events on ${name}`, { skip: options.skip, timeout: TIMEOUT_MS }, () => {
    let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
    let url: string;

    before(async () => {
      directory = await temporaryDirectory();
      url = await open(directory.path);
      await using storage = await openStorage(url, { nats: { stream: { maxBytes: 2 ** 26 } } });
      await fill(storage);
      await addDeadLetters(storage);
    }, { timeout: TIMEOUT_MS });
    after(() => directory?.[Symbol.asyncDispose]());

    for (const each of options.names) {
      it(`${each} prints what golden/${each}.txt has`, { timeout: TIMEOUT_MS }, async () => {
        const env = { NAQ_EVENT_STORAGE_URL: url };
        const transcripts = await Promise.all(
          READING[each]!.map(async (args) => ({ args, result: await run(args, { env }) })),
        );
        compare(each, transcripts, mask);
      });
    }
  });
}

const skip = natsSkipReason();
const servers: NatsServer[] = [];
const all = Object.keys(READING);

async function serve(version: "current" | "floor", storeDir: string): Promise<string> {
  const server = await startNatsServer({ version, storeDir: join(storeDir, "nats") });
  servers.push(server);
  return server.url;
}

suite(
  "SQLite",
  { skip: false, names: all },
  (path) => Promise.resolve(`sqlite:${join(path, "events.sqlite")}`),
);
suite("NATS", { skip, names: all }, (path) => serve("current", path));
// What reads in another way there.
suite(
  "NATS 2.9",
  { skip, names: ["history", "list", "tail"] },
  (path) => serve("floor", path),
);

after(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});
