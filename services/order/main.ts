import { run } from "#kit/run.ts";
import { order } from "./service.ts";

await run(order);
