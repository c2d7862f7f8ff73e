import { run } from "#kit/run.ts";
import { gateway } from "./program.ts";

await run(gateway);
