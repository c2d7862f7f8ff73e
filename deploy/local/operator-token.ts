import { serviceTokens } from "#kit/identity/service-token.ts";
import { runTool } from "./run-tool.ts";
import { operatorKey } from "./secrets.ts";
import { readLocalConfig } from "./settings.ts";

/** Prints a token with which grpcurl calls as the operator of the shop that runs here, for five minutes. */
await runTool(async () => {
  const key = operatorKey(readLocalConfig(process.env).dataDir);
  process.stdout.write(`${serviceTokens("operator", key)()}\n`);
});
