import type { Layout, RunningShop } from "./running-shop.ts";

/**
 * How many SQL statements the services of a shop have sent since they began, as their metrics say.
 *
 * @param shop the shop
 * @param layout how it is laid out; services in one process share their metrics
 */
export async function countStatements({ config }: RunningShop, layout: Layout): Promise<number> {
  const { operations } = config.ports;
  const ports = layout === "colocated" ? [operations["gateway"]] : Object.values(operations);
  const counts = await Promise.all(
    ports.map(async (port) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const samples = text.matchAll(/^souk_sql_statements(?:_total)?(?:\{[^}]*\})? (\d+)/gm);
      return samples.reduce((sum, [, value]) => sum + Number(value), 0);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
