/** What runs in the worker of the blocking twins. */

import { openBackend } from "../backend/mod.ts";
import { openStorage, type OpenStorageOptions } from "../open.ts";
import type { BackendConfig, OpenBackendOptions } from "../backend/open.ts";
import { BackendHost } from "./backend_host.ts";
import { serve } from "./host.ts";
import { StorageHost } from "./storage_host.ts";

/** What a caller can ask a worker for. */
export class WorkerRoot {
  /** Opens a storage in the worker. */
  async openStorage(url: string, options: OpenStorageOptions): Promise<StorageHost> {
    return new StorageHost(await openStorage(url, options));
  }

  /** Opens a backend in the worker. */
  async openBackend(config: BackendConfig, options: OpenBackendOptions): Promise<BackendHost> {
    return new BackendHost(await openBackend(config, options));
  }
}

serve(new WorkerRoot());
