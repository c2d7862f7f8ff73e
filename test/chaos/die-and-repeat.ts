import { randomUUID } from "node:crypto";
import type { ExecutionContext } from "ava";
import type { Order } from "#gen/souk/order/v1/order_pb.ts";
import { SoukError } from "#kit/error.ts";
import { insist } from "./insist.ts";
import type { Till } from "./tills.ts";

/** A call gets no answer, because the process that would give it dies; then there is another one. */
export async function dies(t: ExecutionContext, till: Till, call: () => Promise<unknown>): Promise<void> {
  await t.throwsAsync(till.dieDuring(call), { instanceOf: SoukError });
}

/** Does something whose process dies, then asks until it is known how it ended, and once more. */
export async function dieAndRepeat(
  t: ExecutionContext,
  till: Till,
  work: (key: string) => Promise<Order>,
): Promise<Order> {
  const key = randomUUID();
  await dies(t, till, () => work(key));
  await insist(() => work(key));
  return insist(() => work(key));
}

/** Does something whose process dies and that is refused in the end, whoever asks and however often. */
export async function refusedAndRepeated(
  t: ExecutionContext,
  till: Till,
  reason: string,
  work: (key: string) => Promise<Order>,
): Promise<void> {
  const key = randomUUID();
  await dies(t, till, () => work(key));
  await refusedTwice(t, reason, () => work(key));
}

/** Something is refused, and for the same reason once more. */
export async function refusedTwice(
  t: ExecutionContext,
  reason: string,
  work: () => Promise<unknown>,
): Promise<void> {
  for (const _ of ["the first time", "again"]) {
    const refusal = await t.throwsAsync(insist(work), { instanceOf: SoukError });
    t.is(refusal?.reason, reason);
  }
}
