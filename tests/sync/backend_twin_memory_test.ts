import { memoryTwinSuites } from "./backend_twin.ts";

memoryTwinSuites();
