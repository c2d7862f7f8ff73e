import { run } from "#kit/run.ts";
import { product } from "./service.ts";

await run(product);
