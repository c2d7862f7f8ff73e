import { run } from "#kit/run.ts";
import { auth } from "./service.ts";

await run(auth);
