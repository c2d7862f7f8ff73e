import fc from "fast-check";
import { OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { ReturnReason } from "#gen/souk/order/v1/return_pb.ts";
import { answered, type Counter, command, outcomeOf, refused } from "../command.ts";
import { expectOrder } from "../expect.ts";
import { type Model, type Order, type OrderLine, oneOf, type Return, tell } from "../model.ts";
import { stateOf } from "../order-model.ts";
import { beginReturn, isRejectable, receive, reject } from "../return-model.ts";
import { WHICH } from "./choices.ts";
import { hasOrder, orderAt, piecesAt, SOME_PIECES } from "./some-pieces.ts";

/** A customer sends pieces back, and staff takes them in, refuses them, or approves that they come later. */
export const sendBack = fc
  .record({
    ...SOME_PIECES,
    count: fc.bigInt(1n, 3n),
    ending: fc.constantFrom<Ending | "wait">("restock", "write off", "reject", "wait"),
  })
  .map((args) =>
    command(
      "send back",
      args,
      async (model, shop) => {
        const { order, owner } = orderAt(model, args, isReturnable);
        const { pieces, items: named, isTooMany } = piecesAt(order, args, left);
        const items = named.map((it) => ({ ...it, reason: ReturnReason.OTHER }));
        const requested = await outcomeOf(
          shop.call(OrderService, owner.customer).requestReturn({ orderId: order.id, items }),
        );
        const isPossible = ["PARTIALLY_SHIPPED", "SHIPPED", "DELIVERED"].includes(stateOf(order));
        if (!isPossible || isTooMany) {
          refused(requested, isPossible ? "QUANTITY_EXCEEDED" : "ORDER_NOT_RETURNABLE");
          return;
        }
        const id = answered(requested).return?.id ?? "";
        tell(owner, { topic: "return-requested", order });
        const returned = beginReturn(model, {
          id,
          owner,
          order,
          pieces,
          sentFirst: false,
          exchange: undefined,
        });
        const staff = shop.call(OrderService, { caller: "operator" });
        if (args.ending === "reject") {
          await endReturn(model, shop, returned, args.ending);
          refused(await outcomeOf(staff.approveReturn({ id })), "RETURN_STATE_CONFLICT");
          return;
        }
        await staff.approveReturn({ id });
        tell(owner, { topic: "return-approved", order });
        if (args.ending !== "wait") await endReturn(model, shop, returned, args.ending);
      },
      // A guest has no account with which to ask for it.
      (model) => hasOrder(model, args, isReturnable) && !orderAt(model, args, isReturnable).owner.isGuest,
    ),
  );

function isReturnable({ lines }: Order): boolean {
  return lines.some((line) => left(line) > 0n);
}

/** How many pieces of a line were sent and can come back. */
function left({ shipped, awaited, returned }: OrderLine): bigint {
  return shipped - awaited - returned;
}

/** How a return ends. */
type Ending = "restock" | "write off" | "reject";

/** Pieces that were to come back, as any or in exchange for others, come, or do not. */
export const bringBack = fc
  .record({ which: WHICH, ending: fc.constantFrom<Ending>("restock", "write off", "reject") })
  .map((args) =>
    command(
      "bring back",
      args,
      (model, shop) => endReturn(model, shop, returnAt(model, args), args.ending),
      ({ returns }) => returns.some(({ isOpen }) => isOpen),
    ),
  );

/** The return that is meant: mostly of what is exchanged, and for a rejection one that can be. */
function returnAt(
  { returns }: Model,
  { which, ending }: { readonly which: number; readonly ending: Ending },
) {
  const open = returns.filter(({ isOpen }) => isOpen);
  const exchanged = open.filter(({ exchange }) => exchange !== undefined);
  const choices = [ending === "reject" ? exchanged.filter(isRejectable) : [], exchanged, open];
  const fit = choices.find(({ length }) => length > 0) ?? open;
  return oneOf(which % 4 > 0 ? fit : open, which);
}

/** Staff takes the pieces of a return in twice, restocked or written off, or refuses them. */
async function endReturn(model: Model, shop: Counter, returned: Return, ending: Ending): Promise<void> {
  const { id, order, pieces } = returned;
  const staff = shop.call(OrderService, { caller: "operator" });
  if (ending === "reject") {
    const outcome = await outcomeOf(staff.rejectReturn({ id, reason: "Worn" }));
    if (!isRejectable(returned)) {
      refused(outcome, "RETURN_STATE_CONFLICT");
      return;
    }
    answered(outcome);
    reject(returned);
    return;
  }
  const isForSale = ending === "restock";
  const items = pieces.map(({ line, count }) => ({
    lineId: line.id,
    restocked: isForSale ? count : 0n,
    writtenOff: isForSale ? 0n : count,
  }));
  const take = () => outcomeOf(staff.receiveReturn({ id, items }));
  const outcomes = [await take(), await take()];
  receive(model, returned, isForSale);
  for (const outcome of outcomes) expectOrder(answered(outcome).order, model, order);
}
