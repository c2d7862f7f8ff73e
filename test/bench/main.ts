import { availableParallelism, loadavg } from "node:os";
import { print } from "../print.ts";
import { printFigures } from "./figures.ts";
import { gatewayCost } from "./gateway-cost.ts";
import { kitCost } from "./kit-cost.ts";
import { BREAKER_MS, outages } from "./outages.ts";
import { overloadCost } from "./overload-cost.ts";
import { policyCost } from "./policy-cost.ts";
import { printOutages } from "./print-outages.ts";
import { printShop } from "./print-shop.ts";
import { printScale } from "./scale/print-scale.ts";
import { scaleCost } from "./scale/scale-cost.ts";
import { type ShopFigure, shopCost } from "./shop-cost.ts";
import { startCost } from "./start-cost.ts";

// npm run bench                        all parts
// npm run bench -- start|kit|overload|outages|gateway|shop   one of them
// npm run bench -- --scale                                   a thousand of all beside a million; takes minutes
const parts: Readonly<Record<string, () => Promise<void>>> = {
  async start() {
    print("\nstart: what it takes to open the shop, with installed dependencies");
    printFigures(await startCost());
  },
  async kit() {
    print("\nkit: what its policies cost beside bare grpc-js, in one process");
    printFigures([...(await kitCost()), ...(await policyCost())]);
  },
  async overload() {
    print("\noverload: a service in a process of its own, asked for three times what it can do");
    const { apart, figures } = await overloadCost();
    print(
      apart
        ? "  the service and its stores on one core, those who call on another"
        : "  the service, its stores and those who call share all cores: there is one only, or no taskset (util-linux)",
    );
    printFigures(figures);
  },
  async outages() {
    print(
      `\noutages: orders go on while parts are killed for some seconds in turn; breakers open for ${BREAKER_MS / 1_000} s`,
    );
    printOutages(await outages());
  },
  async gateway() {
    print(
      "\ngateway: unary calls of Connect with JSON over HTTP/1.1, served by itself and by Connect's library",
    );
    printFigures(await gatewayCost());
  },
  async shop() {
    print("\nshop: 1,000 products with 3,000 variants, JSON over HTTP/1.1, 16 callers");
    const figures: ShopFigure[] = [];
    await shopCost((figure) => figures.push(figure));
    printShop(figures);
  },
};

/** Not one of the parts: it takes as long as all of them, and gigabytes of disk. */
async function scale() {
  print(
    "\nscale: a shop with a thousand customers, orders and variants beside one with a million; 4 callers, no caches",
  );
  const tell = (line: string) => process.stderr.write(`  ${line}\n`);
  const small = { customers: 1_000, orders: 1_000, variants: 1_000 };
  const large = { customers: 100_000, orders: 1_000_000, variants: 1_000_000 };
  printScale(await scaleCost(small, large, tell));
}

const asked = process.argv.slice(2);
if (asked.includes("--scale")) {
  await scale();
  process.exit(0);
}
const unknown = asked.filter((name) => !(name in parts));
if (unknown.length > 0) {
  process.stderr.write(`There is no ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}.\n`);
  process.exit(1);
}
for (const [name, run] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  await run();
  print(
    `  load average ${loadavg()
      .map((it) => it.toFixed(1))
      .join(" ")} on ${availableParallelism()} cores`,
  );
}
// Channels of the kit's part keep the process alive for a while.
process.exit(0);
