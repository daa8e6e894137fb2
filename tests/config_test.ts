import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { loadConfig } from "../src/config.ts";

/** What is used of Deno's own names: `node:child_process` gives children its permissions. */
interface Deno {
  readonly Command: new (
    command: string,
    options: { readonly args: string[]; readonly env: Record<string, string> },
  ) => { outputSync(): { readonly stdout: Uint8Array } };
}

const DEFAULTS = {
  enabled: true,
  storageUrl: "nats://localhost:4222",
  streamName: "NAQ_JOB_EVENTS",
  subjectPrefix: "naq.jobs.events",
  logger: { batchSize: 100, flushIntervalMs: 5000, maxBufferSize: 10_000 },
};

describe("loadConfig()", () => {
  it("gives the defaults where nothing is set", () => {
    assert.deepEqual(loadConfig({}), DEFAULTS);
    assert.deepEqual(loadConfig({ NAQ_EVENTS_ENABLED: "", NAQ_EVENT_STREAM_NAME: "" }), DEFAULTS);
  });

  it("takes every variable", () => {
    const config = loadConfig({
      NAQ_EVENTS_ENABLED: "No",
      NAQ_NATS_URL: "nats://a:4222",
      NAQ_EVENT_STREAM_NAME: "S",
      NAQ_EVENT_SUBJECT_PREFIX: "p",
      NAQ_EVENT_LOGGER_BATCH_SIZE: "7",
      NAQ_EVENT_LOGGER_FLUSH_INTERVAL: "0.5",
      NAQ_EVENT_LOGGER_MAX_BUFFER_SIZE: "8",
    });
    assert.deepEqual(config, {
      enabled: false,
      storageUrl: "nats://a:4222",
      streamName: "S",
      subjectPrefix: "p",
      logger: { batchSize: 7, flushIntervalMs: 500, maxBufferSize: 8 },
    });
    const urls = { NAQ_NATS_URL: "nats://a:4222", NAQ_EVENT_STORAGE_URL: "sqlite:b" };
    assert.equal(loadConfig(urls).storageUrl, "sqlite:b");
  });

  it("takes every URL, stream and prefix that can be used", () => {
    const urls = ["memory:", "sqlite:a b.sqlite", "tls://a", "wss://a:1/x", "nats://a,nats://b:1"];
    for (const url of urls) {
      assert.equal(loadConfig({ NAQ_EVENT_STORAGE_URL: url }).storageUrl, url);
    }
    const config = loadConfig({
      NAQ_EVENT_STREAM_NAME: "größe-1",
      NAQ_EVENT_SUBJECT_PREFIX: "a.b",
    });
    assert.equal(config.streamName, "größe-1");
    assert.equal(config.subjectPrefix, "a.b");
  });

  it("refuses those that cannot, and names the variable", () => {
    const refused: readonly [string, readonly string[]][] = [
      ["NAQ_EVENT_SUBJECT_PREFIX", ["a b.*", "a..b", ".a", "a.>", " "]],
      ["NAQ_EVENT_STREAM_NAME", ["a.b c", "a.b", "a b", "*", ">", "a/b", "a\\b", "x".repeat(256)]],
      ["NAQ_EVENT_STORAGE_URL", ["bogus", "sqlite:", "memory:x", "localhost:4222", "http://a"]],
      ["NAQ_NATS_URL", ["bogus", "nats:", "nats://", "nats://a,", "nats://a b"]],
    ];
    for (const [name, values] of refused) {
      for (const value of values) {
        const message = new RegExp(`^Cannot use ${name}: .`);
        assert.throws(() => loadConfig({ [name]: value }), { code: "ERR_CONFIGURATION", message });
      }
    }
    const secret = { NAQ_NATS_URL: "nats://user:secret@" };
    assert.throws(() => loadConfig(secret), ({ message }: Error) => !message.includes("secret"));
    // What is not used may be anything.
    const urls = { NAQ_EVENT_STORAGE_URL: "memory:", NAQ_NATS_URL: "bogus" };
    assert.equal(loadConfig(urls).storageUrl, "memory:");
  });

  it("takes variables that may not be read as not set", () => {
    const deny = (name: string) =>
      new Proxy({}, {
        get: () => {
          throw Object.assign(new Error("no access to env"), { name });
        },
      });
    assert.deepEqual(loadConfig(deny("NotCapable")), DEFAULTS);
    assert.throws(() => loadConfig(deny("TypeError")), /no access to env/);
  });

  const { Deno } = globalThis as { Deno?: Deno };
  const skip = Deno === undefined && "only Deno has permissions";
  it("needs no permission of Deno's", { skip }, () => {
    const module = new URL("../src/config.ts", import.meta.url);
    const code = `import { loadConfig } from "${module}"; console.log(loadConfig().streamName);`;
    const run = (...permissions: string[]) => {
      const script = `data:application/typescript,${encodeURIComponent(code)}`;
      const args = ["run", "--no-prompt", "--no-check", "--quiet", ...permissions, script];
      const env = { NAQ_EVENT_STREAM_NAME: "SET" };
      const { stdout } = new Deno!.Command(process.execPath, { args, env }).outputSync();
      return new TextDecoder().decode(stdout);
    };
    assert.equal(run(), "NAQ_JOB_EVENTS\n");
    assert.equal(run("--allow-env=NAQ_EVENT_STREAM_NAME"), "SET\n");
  });

  it("names the variable that cannot be used, and what can", () => {
    for (const value of ["x", "0", "-1", "1.5", "NaN", "Infinity"]) {
      assert.throws(() => loadConfig({ NAQ_EVENT_LOGGER_BATCH_SIZE: value }), {
        code: "ERR_CONFIGURATION",
        message: `Cannot use NAQ_EVENT_LOGGER_BATCH_SIZE="${value}": ` +
          "expected a whole number above 0",
      });
    }
    assert.throws(() => loadConfig({ NAQ_EVENTS_ENABLED: "maybe" }), /NAQ_EVENTS_ENABLED="maybe"/);
    assert.throws(() => loadConfig({ NAQ_EVENT_LOGGER_FLUSH_INTERVAL: "0" }), /a number above 0/);
  });
});
