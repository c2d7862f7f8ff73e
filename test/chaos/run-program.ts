import { createInterface } from "node:readline";
import type { Program } from "#kit/program.ts";
import { start } from "#kit/run.ts";

/**
 * Runs one service as a process that a test may kill:
 *   node run-program.ts <service>
 * A line "<step> <before|after> <run|undo>" on its standard input makes it kill itself at that moment of the next
 * saga that comes there. When its standard input ends it does so, too: it never outlives its test.
 */
const [name = ""] = process.argv.slice(2);
let killAt = "";

const orders = createInterface({ input: process.stdin });
orders.on("line", (line) => {
  killAt = line;
  say({ armed: line });
});
orders.on("close", () => process.exit());

const programs: Record<string, Program> = await import(`../../services/${name}/service.ts`);
const running = await start([programs[name] as Program], process.env, ({ step, phase, direction }) => {
  if (`${step} ${phase} ${direction}` === killAt) process.kill(process.pid, "SIGKILL");
});
say({ ports: running.programs[0]?.ports });

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
