import { compatibility } from "./compatibility.ts";
import { generatedFiles } from "./generated-files.ts";
import { importDirections } from "./import-directions.ts";
import { programStep, type Step } from "./outcome.ts";

/** Everything that `npm run check` looks at. The slowest come first, so that they overlap with the others. */
export const steps: readonly Step[] = [
  generatedFiles,
  programStep("types", "tsc", ["--noEmit", "-p", ".", "--pretty", "false"]),
  programStep("unused code and dependencies", "knip", ["--no-progress"]),
  programStep("lint and format", "biome", [
    "check",
    "--colors=off",
    "--error-on-warnings",
    "--max-diagnostics=200",
  ]),
  programStep("contracts: lint", "buf", ["lint"]),
  programStep("contracts: format", "buf", ["format", "--diff", "--exit-code", "proto"]),
  compatibility,
  importDirections,
];
