import { run } from "#kit/run.ts";
import { payment } from "./service.ts";

await run(payment);
