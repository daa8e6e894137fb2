import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { currentRuntime } from "../../scripts/runtimes.ts";
import { openStorage } from "../../src/open.ts";
import { runChild } from "../child.ts";
import { eventually, temporaryDirectory } from "../helpers.ts";

/** Starts a server, enqueues two jobs by HTTP and ends it by SIGTERM; its file has both then. */
async function testServer(name: string, created: number): Promise<void> {
  await using directory = await temporaryDirectory();
  const url = `sqlite:${join(directory.path, "events.sqlite")}`;
  const script = new URL(`../../examples/${name}.ts`, import.meta.url);
  await using child = runChild(script, "--storage", url, "--port", "0");
  const what = `the address of ${name}`;
  const base = await eventually(() => child.lines[0] ?? false, { timeoutMs: 10_000, what });
  const call = async (method: string, path: string): Promise<Response> => {
    const response = await fetch(base + path, { method });
    if (method === "POST") await response.body?.cancel();
    return response;
  };
  assert.equal((await call("POST", "/jobs/job-1")).status, created, child.errors);
  assert.equal((await call("POST", "/jobs/job-2")).status, created);
  assert.equal((await call("POST", "/nothing")).status, 404);
  const history = async (): Promise<unknown[]> => {
    return await (await call("GET", "/jobs/job-1")).json() as unknown[];
  };
  await eventually(async () => (await history()).length === 1);
  // This one is not waited for: the end delivers it.
  assert.equal((await call("POST", "/jobs/job-3")).status, created);
  child.signal("SIGTERM");
  await child.ended();
  assert.equal(child.endedBy, "SIGTERM", child.errors);
  await using storage = await openStorage(url);
  const events = await storage.listEvents();
  assert.deepEqual(events.map(({ jobId }) => jobId), ["job-1", "job-2", "job-3"]);
  assert.deepEqual(events[0]?.tags, { app: name });
}

async function testLambda(): Promise<void> {
  await using directory = await temporaryDirectory();
  const url = `sqlite:${join(directory.path, "events.sqlite")}`;
  const script = new URL("lambda_invoke.ts", import.meta.url);
  await using child = runChild(script, { NAQ_EVENT_STORAGE_URL: url });
  await eventually(() => child.lines.length === 3, { timeoutMs: 10_000, what: "three answers" });
  await child.kill();
  assert.deepEqual(child.lines, ["201 0", "201 0", "200 2"]);
  await using storage = await openStorage(url);
  const events = await storage.getEvents("job-1");
  const requests = events.map(({ metadata }) => metadata?.["awsRequestId"]);
  assert.deepEqual(requests, ["request-0", "request-1"]);
}

const TESTS = {
  deno: { "deno_serve.ts answers when the event is stored": () => testServer("deno_serve", 201) },
  bun: { "bun_serve.ts delivers behind its answers": () => testServer("bun_serve", 202) },
  node: { "lambda.ts has stored its events when it returns": testLambda },
};

describe(`handlers for ${currentRuntime()}`, () => {
  for (const [name, test] of Object.entries(TESTS[currentRuntime()])) it(name, test);
});
