/** The worker of the twins under test: its backends, and somebody else who uses them meanwhile. */

import { openBackend } from "../../src/backend/mod.ts";
import type { OpenBackendOptions } from "../../src/backend/open.ts";
import { BackendHost } from "../../src/sync/backend_host.ts";
import { serve } from "../../src/sync/host.ts";
import { makeCalls, type OtherCall } from "../meanwhile.ts";

/** A backend that somebody else uses, too. */
export class SharedBackend extends BackendHost {
  #calls: Promise<void> = Promise.resolve();

  /** Begins to make calls, and does not wait for them. */
  begin<Part>(part: "tasks" | "results", calls: readonly OtherCall<Part>[]): void {
    this.#calls = makeCalls(this[part]() as Part, calls);
    this.#calls.catch(() => {});
  }

  /** Ends when the calls have. */
  end(): Promise<void> {
    return this.#calls;
  }
}

/** What the tests can ask this worker for. */
export class SharedRoot {
  async openBackend(tasks: string, options: OpenBackendOptions): Promise<SharedBackend> {
    return new SharedBackend(await openBackend({ tasks }, options));
  }
}

serve(new SharedRoot());
