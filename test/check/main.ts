import { styleText } from "node:util";
import { print } from "../print.ts";
import { check } from "./check.ts";

const { failures } = await check(new AbortController().signal);
if (failures.length > 0) {
  print(`\n${styleText("red", `The check failed: ${failures.join(", ")}.`)}`);
  process.exitCode = 1;
}
