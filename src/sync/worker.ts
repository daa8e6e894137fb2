/** What runs in the worker of the blocking twins. */

import { openStorage, type OpenStorageOptions } from "../open.ts";
import { serve } from "./host.ts";
import { StorageHost } from "./storage_host.ts";

/** What a caller can ask a worker for. */
export class WorkerRoot {
  /** Opens a storage in the worker. */
  async openStorage(url: string, options: OpenStorageOptions): Promise<StorageHost> {
    return new StorageHost(await openStorage(url, options));
  }
}

serve(new WorkerRoot());
