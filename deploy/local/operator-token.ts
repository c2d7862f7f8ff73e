import { serviceTokens } from "#kit/identity/service-token.ts";
import { developmentSecrets, secretsFile } from "./secrets.ts";
import { readLocalConfig } from "./settings.ts";

/** Prints a token with which grpcurl calls as the operator of the shop that runs here, for five minutes. */
const { privateKeys } = developmentSecrets(secretsFile(readLocalConfig(process.env).dataDir), []);
process.stdout.write(`${serviceTokens("operator", privateKeys["operator"] as never)()}\n`);
