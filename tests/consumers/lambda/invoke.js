/** Invokes the handler as the platform does: once the answer is there, nothing runs any more. */

import process from "node:process";
import { handler } from "./handler.js";

for (const jobId of ["job-1", "", "job-2"]) console.log((await handler({ jobId })).statusCode);
process.exit();
