import test from "ava";
import { pino } from "pino";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import { checkBooks, checkSomeBooks } from "../../services/payment/check-books.ts";
import { keepBalances, listAccounts } from "../../services/payment/ledger-balances.ts";
import { newPaymentId, openDesk, paymentDatabase } from "./payment-desk.ts";

function scope() {
  const scopes = rootScopes(pino({ level: "silent" }), () => {
    throw new Error("the books call no service");
  });
  return scopes({ timeoutMs: 30_000 });
}

test("balances are the same when sums of what is past are kept, now and at any time", async (t) => {
  const db = await paymentDatabase(t);
  const desk = openDesk(db);
  const id = newPaymentId();
  await desk.authorize(id);
  await desk.capture(id);
  // Years ago money went to and fro, an entry each second.
  const startMs = Date.parse("2024-01-01T00:00:00Z");
  await db.pool.run(
    `insert into ledger_transfer (entry_id, position, payment_id, reference_id, description, debit_account,
       credit_account, amount_minor, currency)
     select (overlay(lpad(to_hex($2::bigint + n * 1000), 12, '0') placing '-' from 9 for 0) || '-7000-8000-000000000000')::uuid,
       1, $1, $1, 'to and fro', case n % 2 when 0 then 'sales' else 'provider-clearing' end,
       case n % 2 when 0 then 'provider-clearing' else 'sales' end, 1 + n / 2, 'EUR'
     from generate_series(0, 12001) as n`,
    [id, startMs],
  );
  const times = [0, 4_999.5, 5_000, 5_001, 7_777, 12_001].map((second) => new Date(startMs + second * 1_000));
  const all = () => Promise.all([listAccounts(db), ...times.map((time) => listAccounts(db, time))]);
  const before = await all();
  t.deepEqual(
    before[1]?.map(({ code, minor }) => [code, minor]),
    [
      ["provider-clearing", -1n],
      ["sales", 1n],
    ],
  );
  for (const balances of before)
    t.is(
      balances.reduce((sum, { minor }) => sum + minor, 0n),
      0n,
    );
  await keepBalances(db, scope());
  t.deepEqual(await all(), before);
  const { rows } = await db.pool.run("select count(distinct before_id)::int as kept from ledger_balance");
  t.deepEqual(rows, [{ kept: 2 }]);
});

test("what does not agree is told in each run until it is mended", async (t) => {
  const db = await paymentDatabase(t);
  const desk = openDesk(db);
  const [id, other] = [newPaymentId(), newPaymentId()];
  for (const payment of [id, other]) {
    await desk.authorize(payment);
    await desk.capture(payment);
  }
  const forge = (payment: string, by: number) =>
    db.pool.run("update payment set captured_minor = captured_minor + $2 where id = $1", [payment, by]);
  // The faults cancel each other out.
  await forge(id, -1);
  await db.pool.run("update payment set amount_minor = amount_minor + 1 where id = $1", [other]);
  await forge(other, 1);
  for (let run = 0; run < 3; run++) {
    const error = await t.throwsAsync(checkSomeBooks(db, scope()), {
      message: /sales has -4900 instead of -4899/,
    });
    t.true(error?.message.includes(other));
  }
  await forge(id, 1);
  await forge(other, -1);
  await checkSomeBooks(db, scope());
  await checkBooks(db);
});
