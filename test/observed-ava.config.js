// What ava.config.js says, with the results of the tests told to test/run.ts.
import { relative, sep } from "node:path";
import config from "../ava.config.js";
import { observeRun } from "./observe-run.ts";

/** Where the longest files are. They begin first, so that none of them is left alone at the end. */
const LONGEST = ["start", "chaos", "contract", "stories", "mesh"];

function rank(file) {
  const [folder] = relative(import.meta.dirname, file).split(sep);
  const index = LONGEST.indexOf(folder);
  return index === -1 ? LONGEST.length : index;
}

export default {
  ...config,
  nonSemVerExperiments: { observeRunsFromConfig: true },
  observeRun,
  sortTestFiles: (one, other) => rank(one) - rank(other) || one.localeCompare(other),
};
