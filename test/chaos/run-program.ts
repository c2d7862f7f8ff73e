import { start } from "#kit/run.ts";
import type { SagaMoment } from "#kit/saga/run-saga.ts";

/**
 * Runs one service as a process that a test may kill, and that kills itself at a moment of a saga:
 *   node run-program.ts <service> "<step> <before|after> <run|undo>"
 */
const [name = "", killAt = ""] = process.argv.slice(2);
const module: Record<string, never> = await import(`../../services/${name}/service.ts`);

function killYourself({ step, phase, direction }: SagaMoment): void {
  if (`${step} ${phase} ${direction}` === killAt) process.kill(process.pid, "SIGKILL");
}

const running = await start([module[name] as never], process.env, killAt === "" ? undefined : killYourself);
process.stdout.write(`${JSON.stringify({ ports: running.programs[0]?.ports })}\n`);
