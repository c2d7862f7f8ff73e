// What ava.config.js says, with the results of the tests told to test/run.ts.
import config from "../ava.config.js";
import { observeRun } from "./observe-run.ts";

export default { ...config, nonSemVerExperiments: { observeRunsFromConfig: true }, observeRun };
