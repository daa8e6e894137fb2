import { natsTwinSuites } from "./backend_twin.ts";

await natsTwinSuites("current");
