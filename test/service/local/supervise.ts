import { join } from "node:path";
import { identifyProcess } from "../../../deploy/local/process.ts";
import { startNats } from "../../../deploy/local/stores/nats.ts";
import { startPostgres } from "../../../deploy/local/stores/postgres.ts";
import { createSupervisor } from "../../../deploy/local/supervisor.ts";

// Keeps PostgreSQL, NATS and a program alive in the folder it is given, and prints their pids.
const dir = process.argv[2] as string;
const supervisor = createSupervisor({ dir, report: () => {} });
const options = { supervisor, port: 0, env: {}, log: () => {} };
await startPostgres({ ...options, dataDir: join(dir, "postgres") });
await startNats({ ...options, dataDir: join(dir, "nats") });
await supervisor.start({ name: "sleeper", command: "sleep", args: ["60"], ready: () => true });
const ids = supervisor.children().map((child) => identifyProcess(child.pid() as number));
process.stdout.write(`${JSON.stringify(ids)}\n`);
