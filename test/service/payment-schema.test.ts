import test from "ava";
import { migrate, migrateDown } from "#kit/data/migrate.ts";
import { checkBooks } from "../../services/payment/check-books.ts";
import { migrations } from "../../services/payment/migrations/index.ts";
import { booksOf, connect, newPaymentId, openDesk, outcomeOf, paymentDatabase } from "./payment-desk.ts";

test("the schema goes up, down and up again, with what is in it carried forward into the books", async (t) => {
  const db = await paymentDatabase(t);
  const desk = openDesk(db);
  const [open, taken, refunded, declined] = Array.from({ length: 4 }, newPaymentId) as [
    string,
    string,
    string,
    string,
  ];
  for (const id of [open, taken, refunded]) await desk.authorize(id);
  for (const id of [taken, refunded]) await desk.capture(id);
  await desk.refund(refunded, { minor: 100n });
  await outcomeOf(desk.authorize(declined, "tok_declined"));
  await migrateDown(db.url, migrations, "0002_sandbox");
  const { rows } = await db.pool.run("select state from payment order by state");
  t.deepEqual(
    rows.map(({ state }) => state),
    ["AUTHORIZED", "CAPTURED", "CAPTURED", "DECLINED"],
  );
  await migrate(db.url, migrations);
  t.deepEqual(await migrate(db.url, migrations), []);

  // Connections from before know another schema.
  const anew = connect(db.url);
  t.teardown(() => anew.close());
  await checkBooks(anew);
  const late = openDesk(anew);
  t.is((await late.capture(open)).state, "CAPTURED");
  t.is((await late.refund(taken, { minor: 1n })).state, "SUCCEEDED");
  t.is((await booksOf(anew, taken)).state, "PARTIALLY_REFUNDED");
  await checkBooks(anew);
});

test("a change that is not booked is found", async (t) => {
  const db = await paymentDatabase(t);
  const desk = openDesk(db);
  const id = newPaymentId();
  await desk.authorize(id);
  await desk.capture(id);
  const { id: cardId } = await desk.giftCard(100n);
  await db.pool.run("update gift_card set balance_minor = 101 where id = $1", [cardId]);
  await db.pool.run("update payment set captured_minor = 4899 where id = $1", [id]);
  await t.throwsAsync(checkBooks(db), {
    message: /sales has -4900 instead of -4899 EUR for .+; gift-cards has -100 instead of -101 EUR for/,
  });
  await db.pool.run("update gift_card set balance_minor = 100");
  await db.pool.run("update payment set captured_minor = 4900");
});
