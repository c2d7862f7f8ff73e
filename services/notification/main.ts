import { run } from "#kit/run.ts";
import { notification } from "./service.ts";

await run(notification);
