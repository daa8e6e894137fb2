import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEventError } from "../../src/errors.ts";
import { type Remote, WorkerClient } from "../../src/sync/client.ts";
import type { ScriptedRoot } from "./scripted_worker.ts";

const module = new URL("./scripted_worker.ts", import.meta.url);

/** Runs a test with a worker of its own. */
function withWorker(test: (root: Remote<ScriptedRoot>, client: WorkerClient) => void): () => void {
  return () => {
    const client = new WorkerClient(module, "storage");
    try {
      test(client.root<ScriptedRoot>(), client);
    } finally {
      client.close();
    }
  };
}

/** What a function throws. */
function thrownBy(call: () => unknown): Error & Record<string, unknown> {
  try {
    call();
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error("Nothing was thrown");
}

describe("WorkerClient", () => {
  it(
    "gives the result of a call",
    withWorker((root) => {
      const value = { a: [1n, new Date(5)], b: new Uint8Array([1, 2]), c: undefined };
      assert.deepEqual(root.call("echo", [value], 5000), value);
    }),
  );

  it(
    "a time-out leaves the worker usable, and a late answer is no other call's",
    withWorker((root) => {
      // Now it has started.
      assert.equal(root.call("echo", [1], 5000), 1);
      for (let round = 0; round < 3; round++) {
        const error = thrownBy(() => root.call("echo", [`late ${round}`, 100], 10));
        assert.equal(error["code"], "ERR_TIMEOUT");
        assert.equal(error.message, "Cannot call echo: no answer within 10 ms");
        // The late answer comes while this call waits for its own.
        assert.equal(root.call("echo", [`mine ${round}`, 150], 5000), `mine ${round}`);
      }
    }),
  );

  it("a worker that ends is no hang", () => {
    const client = new WorkerClient(module, "backend");
    const root = client.root<ScriptedRoot>();
    assert.equal(root.call("echo", [1], 5000), 1);
    const started = performance.now();
    assert.equal(thrownBy(() => root.call("exit", [], 60_000))["code"], "ERR_UNAVAILABLE");
    assert.throws(() => root.call("echo", [1], 60_000), {
      code: "ERR_UNAVAILABLE",
      message: "Cannot call echo: the worker thread has ended. Open the backend anew",
    });
    assert(performance.now() - started < 10_000);
    assert(client.isGone);
    client.close();
    assert.throws(() => root.call("echo", [1], 60_000), {
      code: "ERR_CLOSED",
      message: "Cannot call echo: the backend is closed",
    });
  });

  it(
    "refuses what cannot leave its thread, on both sides",
    withWorker((root) => {
      const error = thrownBy(() => root.call("echo", [() => {}], 5000));
      assert.equal(error.name, "TypeError");
      assert.match(error.message, /^Cannot call echo: an argument cannot be sent/);
      assert.equal(thrownBy(() => root.call("uncloneable", [], 5000)).name, "DataCloneError");
      assert.equal(root.call("echo", [1], 5000), 1);
    }),
  );

  it("refuses a time that is none", () => {
    const client = new WorkerClient(module, "storage");
    for (const timeoutMs of [-1, NaN, "5" as unknown as number]) {
      assert.throws(() => client.root<ScriptedRoot>().call("echo", [1], timeoutMs), RangeError);
    }
    client.close();
  });
});

describe("WorkerClient: errors", () => {
  it(
    "keep name, code, message and causes, and have the stack of the caller",
    withWorker((root) => {
      const error = thrownBy(function theCaller() {
        root.call("fail", ["type"], 5000);
      });
      assert(error instanceof TypeError);
      assert.equal(error.message, "wrong");
      assert.match(error.stack!, /theCaller/);
      const cause = error.cause;
      assert(cause instanceof JobEventError);
      assert.equal(cause.code, "ERR_EVENT_TOO_LARGE");
      assert.match(cause.stack!, /scripted_worker/);
      const inner = cause.cause;
      assert(inner instanceof RangeError);
      assert.equal((inner as unknown as { errno: number }).errno, 7);
      assert.equal(inner.cause, "innermost");
    }),
  );

  it(
    "of other libraries too",
    withWorker((root) => {
      const error = thrownBy(() => root.call("fail", ["foreign"], 5000));
      const { name, message, code, n } = error;
      assert.deepEqual({ name, message, code, n }, {
        name: "SqliteError",
        message: "busy",
        code: "SQLITE_BUSY",
        n: 5n,
      });
    }),
  );

  it(
    "that are several, a circle, or no error at all",
    withWorker((root) => {
      const several = thrownBy(() => root.call("fail", ["aggregate"], 5000));
      assert(several instanceof AggregateError);
      assert.deepEqual(several.errors.map(({ name }) => name), ["TypeError", "JobEventError"]);
      const circle = thrownBy(() => root.call("fail", ["circle"], 5000));
      let depth = 0;
      for (let at: unknown = circle; (at as Error).cause !== undefined; at = (at as Error).cause) {
        depth++;
      }
      assert(depth > 2 && depth < 20, `${depth} causes`);
      assert.equal(thrownBy(() => root.call("fail", ["string"], 5000)), "only text");
    }),
  );
});

describe("Remote.iterate()", () => {
  it(
    "gives all items, and reads no further than asked",
    withWorker((root) => {
      const numbers = root.iterate("count", [1000], 5000);
      assert.equal(numbers.next().value, 0);
      assert.deepEqual(root.call("state", [], 5000), { produced: 256, ended: 0 });
      const rest = [...numbers];
      assert.deepEqual(rest, Array.from({ length: 999 }, (_, index) => index + 1));
      assert.equal(root.call("state", [], 5000).ended, 1);
    }),
  );

  it(
    "ends the reading when the loop is left",
    withWorker((root) => {
      for (const number of root.iterate("count", [1000], 5000)) if (number === 3) break;
      assert.deepEqual(root.call("state", [], 5000), { produced: 256, ended: 1 });
    }),
  );

  it(
    "throws what the reading throws",
    withWorker((root) => {
      assert.throws(() => [...root.iterate("count", [-1], 5000)], {
        name: "RangeError",
        message: "to is negative",
      });
    }),
  );
});
