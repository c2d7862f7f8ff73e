import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";
import type { Program } from "#kit/program.ts";
import { start } from "#kit/run.ts";
import type { SagaMoment } from "#kit/saga/run-saga.ts";
import type { Order } from "./process.ts";

/**
 * Runs one service as a process that a test may kill:
 *   node run-program.ts <service>
 * Each line on its standard input is an order: the next saga that comes to a moment stands still there, or the process
 * kills itself. When its standard input ends it does so, too: it never outlives its test.
 */
const [name = ""] = process.argv.slice(2);
const pending: Order[] = [];
/** The sagas that stand still, with where. */
const standing = new Map<string, Order>();

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => {
  const order: Order = JSON.parse(line);
  pending.push(order);
  say({ [`armed ${order.id}`]: true });
});
orders.on("close", () => process.exit());

const programs: Record<string, Program> = await import(`../../services/${name}/service.ts`);
const running = await start([programs[name] as Program], process.env, obey);
say({ ports: running.programs[0]?.ports });

function obey({ sagaId, ...moment }: SagaMoment): Promise<never> | undefined {
  const isHere = ({ at }: Order) => isDeepStrictEqual(at, moment);
  const known = standing.get(sagaId);
  // A saga that stood still until its lease ended is run once more, and must come no further.
  if (known !== undefined) return isHere(known) ? Promise.withResolvers<never>().promise : undefined;
  const order = pending.find(isHere);
  if (order === undefined) return undefined;
  pending.splice(pending.indexOf(order), 1);
  standing.set(sagaId, order);
  say({ [`reached ${order.id}`]: true });
  if (order.fate === "die") process.kill(process.pid, "SIGKILL");
  return Promise.withResolvers<never>().promise;
}

function say(message: object): void {
  // At once: who is about to die has no time to wait for a stream.
  writeSync(process.stdout.fd, `${JSON.stringify(message)}\n`);
}
