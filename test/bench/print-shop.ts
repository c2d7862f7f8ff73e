import { print } from "../print.ts";
import { formatNumber, printColumns } from "./figures.ts";
import type { ShopFigure } from "./shop-cost.ts";
import { SHOP_PATHS } from "./shop-paths.ts";

const CORES = 2;

/**
 * Prints what was measured in the shop, a table for each path.
 *
 * @param figures all that was measured
 */
export function printShop(figures: readonly ShopFigure[]): void {
  for (const path of SHOP_PATHS) {
    const own = figures.filter((figure) => figure.path === path);
    print(
      `\n  ${path.name}: aims at ${formatNumber(path.goal.calls)} calls/s with ${path.goal.statements} statements`,
    );
    print(`  (systems of today: ${path.today.calls} calls/s with ${path.today.statements} statements)`);
    printColumns([HEADS, ...own.map(cellsOf)]);
    for (const { way, load } of own)
      if (load.failed > 0) print(`  ${way}: ${load.failed} failed: ${load.failure}`);
  }
  print(`
  of goal: measured beside the goal, more is better; SQL of goal: less is better.
  ms CPU: processor time a call takes of our Node processes, Envoy, PostgreSQL with NATS and Redis, and the load
  generator. ${CORES} cores: how many calls/s ${CORES} cores with nothing else to do would carry at that price.`);
}

const HEADS = [
  ...["way", "calls/s", "of goal", "p50 ms", "p99 ms", "ms CPU: ours", "Envoy", "stores", "load"],
  ...[`${CORES} cores`, "of goal", "SQL", "of goal", "failed"],
];

function cellsOf({ path, way, load, cpu, statementsPerCall }: ShopFigure): string[] {
  const perSecond = (load.calls / load.tookMs) * 1000;
  const perCall = (seconds: number) => (seconds / load.calls) * 1000;
  const capacity = (CORES / (cpu.ours + cpu.envoy + cpu.stores + load.cpuSeconds)) * load.calls;
  return [
    way,
    formatNumber(perSecond),
    (perSecond / path.goal.calls).toFixed(2),
    load.p50Ms.toFixed(1),
    load.p99Ms.toFixed(1),
    perCall(cpu.ours).toFixed(2),
    perCall(cpu.envoy).toFixed(2),
    perCall(cpu.stores).toFixed(2),
    perCall(load.cpuSeconds).toFixed(2),
    formatNumber(capacity),
    (capacity / path.goal.calls).toFixed(2),
    statementsPerCall.toFixed(1),
    (statementsPerCall / path.goal.statements).toFixed(2),
    String(load.failed),
  ];
}
