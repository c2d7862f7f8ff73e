import { readFileSync } from "node:fs";
import test from "ava";
import { readmeWithSettings } from "../../deploy/contracts/settings-table.ts";

test("the README's table of settings is what the declarations say", (t) => {
  t.is(readFileSync("README.md", "utf8"), readmeWithSettings(), "run `npm run generate`");
});
