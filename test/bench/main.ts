import { measureShop } from "./shop.ts";
import { print } from "../print.ts";
import { loadavg } from "node:os";
const [, only, layouts] = process.argv.slice(2);
print(`load ${loadavg().map((x) => x.toFixed(1))}`);
await measureShop(({ path, way, load, cpu, statementsPerCall }) => {
  const perK = (x: number) => ((x / load.calls) * 1000).toFixed(2);
  print(
    `${path.name.padEnd(7)} ${way.padEnd(9)} ${(load.calls / load.tookMs * 1000).toFixed(0).padStart(6)}/s x${(load.calls / load.tookMs * 1000/path.goal.calls).toFixed(2)} p50 ${load.p50Ms.toFixed(1)} p99 ${load.p99Ms.toFixed(1)} cpu/1000 ours ${perK(cpu.ours)} envoy ${perK(cpu.envoy)} stores ${perK(cpu.stores)} gen ${perK(load.cpuSeconds)} sql ${statementsPerCall.toFixed(1)}/${path.goal.statements} failed ${load.failed} ${load.failure ?? ""} load ${loadavg()[0].toFixed(1)}`,
  );
}, only, layouts?.split(","));
