import { run } from "#kit/run.ts";
import { user } from "./service.ts";

await run(user);
