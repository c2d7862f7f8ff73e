import { requirePortFree } from "./ports.ts";
import { NODE_OPTIONS } from "./run-script.ts";
import type { LocalConfig } from "./settings.ts";
import { gateway, type ShopProgram, services } from "./shop.ts";
import { reachableHost } from "./stores/store.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Row } from "./table.ts";

const READY_MS = 60_000;
const ASK_MS = 1_500;

/**
 * Starts every program of the shop in a process of its own, all at the same time.
 *
 * @param config where they listen
 * @param env their settings
 * @param supervisor keeps them alive
 * @returns a row of the table for each
 * @throws Error with the end of its log when one does not become ready
 */
export async function startPrograms(
  config: LocalConfig,
  env: NodeJS.ProcessEnv,
  supervisor: Supervisor,
): Promise<Row[]> {
  return Promise.all([...services, gateway].map((program) => startOne(program, config, env, supervisor)));
}

/**
 * Starts the whole shop as one process.
 *
 * @param config where it listens
 * @param env its settings
 * @param supervisor keeps it alive
 * @returns the row of the table
 * @throws Error with the end of its log when it does not become ready
 */
export async function startColocated(
  config: LocalConfig,
  env: NodeJS.ProcessEnv,
  supervisor: Supervisor,
): Promise<Row[]> {
  const startedAt = performance.now();
  const all = [...services, gateway];
  for (const program of all) await requireOwnPorts(program, config);
  await supervisor.start({
    name: "shop",
    command: process.execPath,
    args: [...NODE_OPTIONS, "deploy/local/colocated.ts"],
    env,
    readyWithinMs: READY_MS,
    ready: async () => (await Promise.all(all.map(({ name }) => isReady(name, config)))).every(Boolean),
  });
  const tookMs = performance.now() - startedAt;
  return all.map(({ name }) => ({ name, where: whereIs(name, config), tookMs }));
}

async function startOne(
  program: ShopProgram,
  config: LocalConfig,
  env: NodeJS.ProcessEnv,
  supervisor: Supervisor,
): Promise<Row> {
  const startedAt = performance.now();
  const { name, main } = program;
  await requireOwnPorts(program, config);
  await supervisor.start({
    name,
    command: process.execPath,
    args: [...NODE_OPTIONS, main],
    env,
    readyWithinMs: READY_MS,
    ready: () => isReady(name, config),
  });
  return { name, where: whereIs(name, config), tookMs: performance.now() - startedAt };
}

async function requireOwnPorts({ name }: ShopProgram, { host, ports }: LocalConfig): Promise<void> {
  const prefix = name.toUpperCase();
  await requirePortFree(name, ports.programs[name] as number, host, `${prefix}_PORT`);
  await requirePortFree(name, ports.operations[name] as number, host, `${prefix}_OPERATIONS_PORT`);
}

async function isReady(name: string, { host, ports }: LocalConfig): Promise<boolean> {
  const answer = await fetch(`http://${reachableHost(host)}:${ports.operations[name]}/health/ready`, {
    signal: AbortSignal.timeout(ASK_MS),
  });
  return answer.ok;
}

function whereIs(name: string, { host, ports }: LocalConfig): string {
  const address = `${reachableHost(host)}:${ports.programs[name]}`;
  return name === gateway.name ? `http://${address}` : address;
}
