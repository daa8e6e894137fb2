/** Calls the function as the platform does: it answers, and ends when what it handed over has. */

import process from "node:process";
import { POST } from "./api/jobs.js";

const handedOver = [];
const context = { waitUntil: (promise) => handedOver.push(promise) };
globalThis[Symbol.for("@vercel/request-context")] = { get: () => context };

for (const query of ["?job=job-1", "", "?job=job-2"]) {
  const response = POST(new Request(`https://example.com/api/jobs${query}`, { method: "POST" }));
  console.log(response.status);
}
await Promise.all(handedOver);
process.exit();
