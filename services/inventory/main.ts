import { run } from "#kit/run.ts";
import { inventory } from "./service.ts";

await run(inventory);
