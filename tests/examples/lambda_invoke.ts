/** Invokes a handler as the platform does: one event at a time, and nothing runs in between. */

import { writeSync } from "node:fs";
import { handler } from "../../examples/lambda.ts";

const methods = ["POST", "POST", "GET"];
for (const [index, method] of methods.entries()) {
  const event = { requestContext: { http: { method } }, pathParameters: { id: "job-1" } };
  const context = { awsRequestId: `request-${index}`, getRemainingTimeInMillis: () => 3000 };
  const result = await handler(event, context);
  writeSync(1, `${result.statusCode} ${JSON.parse(result.body ?? "[]").length}\n`);
}
// Frozen, as the platform leaves it.
for (;;);
