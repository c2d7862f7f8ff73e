import { spreadStock } from "./demo/locations.ts";
import { STORIES } from "./demo/orders.ts";
import { PASSWORD } from "./demo/people.ts";
import { placeOrders } from "./demo/place-orders.ts";
import { REVIEWS, writeReviews } from "./demo/reviews.ts";
import { becomeOperator } from "./operator.ts";
import { runTool } from "./run-tool.ts";
import { operatorKey } from "./secrets.ts";
import { readLocalConfig } from "./settings.ts";

const TIMEOUT_MS = 600_000;

/**
 * Furnishes the shop that runs here with something to look at: locations with stock, and customers with orders in
 * every state and reviews. What an earlier run began it goes on with.
 */
await runTool(async () => {
  const { dataDir, ports } = readLocalConfig(process.env);
  const addressOf = (service: string) => `127.0.0.1:${ports.programs[service]}`;
  const operator = becomeOperator(operatorKey(dataDir), addressOf, TIMEOUT_MS);
  try {
    const locations = await spreadStock(operator.scope);
    const desk = { staff: operator.scope, onBehalfOf: operator.onBehalfOf };
    const orders = await placeOrders(desk, STORIES);
    const reviews = await writeReviews(desk, REVIEWS);
    const [{ email = "" } = {}] = STORIES.keys();
    process.stdout.write(
      `There are ${locations} locations and ${orders} demo orders with ${reviews} reviews to look at; ${email} signs in with "${PASSWORD}".\n`,
    );
  } finally {
    operator.close();
  }
});
