import test from "ava";
import fc from "fast-check";
import type { Order } from "#gen/souk/order/v1/order_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { money } from "#kit/money.ts";
import { SEED } from "../seed.ts";
import { afterSaleOf, once } from "./order-after-sale.ts";
import { netShopOf, shopOf, type TestShop } from "./order-shop.ts";

const shop = shopOf(test);
const netShop = netShopOf(test);
const paymentToken = "tok_visa";

/** Coupons that take off what no number of pieces divides. */
async function coupons(at: TestShop): Promise<readonly string[]> {
  const promotions = at.mesh.as(PromotionService);
  const effects = {
    EIGHTH: { case: "percentageOff" as const, value: { ratePpm: 125_000 } },
    TENODD: { case: "amountOff" as const, value: { amounts: [money(1_001n, "EUR")] } },
  };
  for (const [code, effect] of Object.entries(effects)) {
    const terms = { displayName: code, couponCodes: [code], effect };
    await promotions.createPromotion({ terms });
  }
  return Object.keys(effects);
}

/** What replaces so many discounted pieces that were sent: as many of the same price. */
async function replacementOf(at: TestShop, codes: readonly string[], quantity: bigint): Promise<Order> {
  const { staff } = afterSaleOf(at);
  const ada = await at.customer();
  await ada.add(await at.offer(1_999n, 10), quantity);
  for (const code of codes) await ada.cart.applyCoupon({ code });
  const order = await ada.place();
  await staff.shipOrder({ orderId: order.id }, once());
  const { replacement } = await staff.exchangeOrder(
    {
      orderId: order.id,
      returnedItems: [{ lineId: order.lines[0]?.id ?? "", quantity }],
      sentLines: [{ variantId: await at.offer(1_999n, 50), quantity }],
      shipBeforeReceipt: true,
    },
    once(),
  );
  return replacement as Order;
}

const costOf = ({ lines, discounts, taxes, total }: Order) => ({ lines, discounts, taxes, total });

for (const [where, at] of [
  ["with taxes in its prices", shop],
  ["with taxes on top", netShop],
] as const) {
  test.serial(
    `a replacement ${where} to which pieces are added and from which they are taken ends where it began, to the cent`,
    async (t) => {
      const codes = await coupons(at());
      const { staff } = afterSaleOf(at());
      const edits = fc.record({
        quantity: fc.bigInt(1n, 4n),
        more: fc.array(fc.bigInt(0n, 5n), { minLength: 1, maxLength: 4 }),
        ending: fc.constantFrom("edit", "cancel", "send one by one"),
      });
      await fc.assert(
        fc.asyncProperty(edits, async ({ quantity, more, ending }) => {
          const begun = await replacementOf(at(), codes, quantity);
          const { id: orderId, total } = begun;
          // Of the tax of a line that is not sent whole, a share is rounded down.
          const isAlmost = (minor = 0n) => [0n, 1n].includes((total?.minor ?? 0n) - minor);
          const lineId = begun.lines[0]?.id ?? "";
          let now = begun;
          const edit = async (to: bigint) => {
            if (now.lines[0]?.quantity === to) return;
            const lines = [{ lineId, quantity: to }];
            const { order } = await staff.editOrder({ orderId, lines, paymentToken }, once());
            now = order as Order;
          };
          for (const by of more) await edit(quantity + by);
          t.deepEqual(
            now.discounts.map(({ amount }) => amount),
            begun.discounts.map(({ amount }) => amount),
          );
          const added = (now.lines[0]?.quantity ?? 0n) - quantity;
          if (ending === "edit") {
            await edit(quantity);
            t.deepEqual(costOf(now), costOf(begun));
          } else if (ending === "cancel" && added > 0n) {
            const items = [{ lineId, quantity: added }];
            const { order } = await staff.cancelOrderItems({ orderId, items }, once());
            const left = (order?.total?.minor ?? 0n) - (order?.cancelled?.minor ?? 0n);
            t.true(isAlmost(left), `${left} is left`);
          } else {
            const items = [{ lineId, quantity: 1n }];
            for (let sent = 0n; sent < quantity + added; sent++) {
              const { order } = await staff.shipOrder({ orderId, items }, once());
              // What is taken off is off the first pieces.
              if (sent === quantity - 1n) t.true(isAlmost(order?.captured?.minor));
              if (sent === quantity + added - 1n) t.deepEqual(order?.captured, now.total);
            }
          }
        }),
        { seed: SEED, numRuns: 8 },
      );
    },
  );
}
