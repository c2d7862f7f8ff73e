import { randomUUID } from "node:crypto";
import type { ExecutionContext } from "ava";
import type { Order } from "#gen/souk/order/v1/order_pb.ts";
import { SoukError } from "#kit/error.ts";
import { insist } from "./insist.ts";
import type { Till } from "./tills.ts";

/** Does something whose process dies, then asks until it is known how it ended. */
export async function dieAndRepeat(
  t: ExecutionContext,
  till: Till,
  work: (key: string) => Promise<Order>,
): Promise<Order> {
  const key = randomUUID();
  await t.throwsAsync(
    till.dieDuring(() => work(key)),
    { instanceOf: SoukError },
  );
  await insist(() => work(key));
  return insist(() => work(key));
}

/** Does something whose process dies and that is refused in the end, and asks once more for the reason. */
export async function refusedAndRepeated(
  t: ExecutionContext,
  till: Till,
  reason: string,
  work: (key: string) => Promise<Order>,
): Promise<void> {
  const error = await t.throwsAsync(dieAndRepeat(t, till, work), { instanceOf: SoukError });
  t.is(error?.reason, reason);
}
