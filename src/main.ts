import { startStep } from "./start.ts";

await startStep("main");
