import type { BenchDatabase } from "./kit-bench.ts";
import type { VictimOrders } from "./kit-events-bench.ts";
export async function runVictimSaga(
  _db: BenchDatabase,
  _orders: VictimOrders,
  _die: () => void,
): Promise<void> {}
