import { parseArgs } from "node:util";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { ConfigurationError } from "#kit/config.ts";
import { askPassword } from "./ask-password.ts";
import { becomeOperator } from "./operator.ts";
import { runTool } from "./run-tool.ts";
import { operatorKey } from "./secrets.ts";
import { readLocalConfig } from "./settings.ts";

const USAGE = `Makes an account that holds the role "admin", in a shop that runs.

  npm run admin -- create --email ada@example.com [--first-name Ada] [--last-name Lovelace] [--address host:port]

The password is asked for, or read from standard input where that is no terminal; it is never an argument.
--address is where auth listens, when that is not this machine. Who may do this is proven with the operator's
key: OPERATOR_SERVICE_KEY, or the one of the shop that runs here for development.
`;
const TIMEOUT_MS = 10_000;

/** What the command line asks for. */
interface Wanted {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly address: string | undefined;
}

await runTool(async () => {
  const { email, firstName, lastName, address } = readWanted();
  const { dataDir, ports } = readLocalConfig(process.env);
  const key = operatorKey(dataDir);
  const password = await askPassword(process.stdin, process.stderr);
  const operator = becomeOperator(key, () => address ?? `127.0.0.1:${ports.programs["auth"]}`, TIMEOUT_MS);
  try {
    const { account } = await operator.scope
      .mesh(AccessService)
      .createAccount({ email, password, firstName, lastName, roles: ["admin"] });
    process.stdout.write(`${account?.email} may do everything now; the account is ${account?.id}.\n`);
  } finally {
    operator.close();
  }
});

function readWanted(): Wanted {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        email: { type: "string" },
        "first-name": { type: "string", default: "Shop" },
        "last-name": { type: "string", default: "Administrator" },
        address: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    const [command, ...rest] = positionals;
    if (command !== "create" || rest.length > 0) throw new Error("The command is create.");
    if (values.email === undefined) throw new Error("--email is missing.");
    return {
      email: values.email,
      firstName: values["first-name"],
      lastName: values["last-name"],
      address: values.address,
    };
  } catch (error) {
    throw new ConfigurationError(`${(error as Error).message}\n\n${USAGE}`);
  }
}
