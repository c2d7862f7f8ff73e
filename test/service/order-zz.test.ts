import test from "ava";
import { shopOf } from "./order-shop.ts";
const shop = shopOf(test);
test("x", async (t) => {
  console.error("started");
  const lamp = await shop().offer(100n);
  console.error("offered");
  const ada = await shop().customer();
  console.error("customer");
  console.error(await ada.cart.getCart({}));
  await ada.add(lamp, 1n);
  t.pass();
});
