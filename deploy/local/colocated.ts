import { run } from "#kit/run.ts";
import { gateway } from "../../services/gateway/program.ts";
import { servicePrograms } from "./service-programs.ts";

/** The whole shop as one process. */
await run(...servicePrograms, gateway);
