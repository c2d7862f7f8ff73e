import test from "ava";
import { uuidv7 } from "uuidv7";
import { commitReservation } from "../../services/inventory/commit-reservation.ts";
import { expireReservations } from "../../services/inventory/expire-reservations.ts";
import { releaseReservation } from "../../services/inventory/release-reservation.ts";
import { afterFile } from "../after-file.ts";
import { auditLedger, openStockroom, outcomeOf, type Stockroom, tally } from "./inventory-stockroom.ts";

let room: Stockroom;
const file = afterFile(test, (t) => auditLedger(t, room));

test.before(async () => {
  room = await openStockroom(file);
});

/** How often the expiry of a reservation was told. */
async function expiriesTold(id: string): Promise<number> {
  const { rowCount } = await room.db.pool.run(
    "select from mesh.outbox where aggregate_id = $1 and subject = $2",
    [id, `inventory.v1.ReservationExpired.${id}`],
  );
  return rowCount;
}

const expire = () => expireReservations(room.db, room.scope());
const release = (id: string) => releaseReservation(room.db, room.scope(), id);
const commit = (id: string) => commitReservation(room.db, id);

test.serial("a released reservation gives its stock back once, in one statement", async (t) => {
  const [lamp = "", mug = ""] = await room.stock(5, 2);
  const id = uuidv7();
  await room.reserve(id, { [lamp]: 2, [mug]: 2 });
  t.is(await room.countStatements(() => release(id)), 1);
  await Promise.all(Array.from({ length: 5 }, () => release(id)));
  t.deepEqual(await room.levels(lamp, mug), [
    [5, 0],
    [2, 0],
  ]);
});

test.serial("after a release the reservation is refused", async (t) => {
  const [lamp = ""] = await room.stock(5);
  const id = uuidv7();
  await room.reserve(id, { [lamp]: 2 });
  await release(id);
  t.is(await outcomeOf(room.reserve(id, { [lamp]: 2 })), "RESERVATION_RELEASED");
  t.is(await outcomeOf(commit(id)), "RESERVATION_RELEASED");
  t.deepEqual(await room.levels(lamp), [[5, 0]]);
});

test.serial("a reservation that arrives after its release is refused", async (t) => {
  const [lamp = ""] = await room.stock(5);
  const id = uuidv7();
  await release(id);
  await release(id);
  t.is(await outcomeOf(room.reserve(id, { [lamp]: 2 })), "RESERVATION_RELEASED");
  t.is(await outcomeOf(commit(id)), "RESERVATION_RELEASED");
  t.deepEqual(await room.levels(lamp), [[5, 0]]);
});

test.serial("when reservations and releases of the same id cross, nothing stays reserved", async (t) => {
  const [lamp = "", mug = ""] = await room.stock(100, 100);
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      const id = uuidv7();
      const cart = { [lamp]: 1, [mug]: 1 };
      const works = [room.reserve(id, cart), release(id), room.reserve(id, cart), release(id)];
      const outcomes = await Promise.all(works.map(outcomeOf));
      t.deepEqual([outcomes[1], outcomes[3]], ["done", "done"]);
      t.true([outcomes[0], outcomes[2]].every((it) => it === "done" || it === "RESERVATION_RELEASED"));
    }),
  );
  t.deepEqual(await room.levels(lamp, mug), [
    [100, 0],
    [100, 0],
  ]);
});

test.serial(
  "a committed reservation stays, however often it is committed, and expires no more",
  async (t) => {
    const [lamp = ""] = await room.stock(5);
    const id = uuidv7();
    const expireTime = await room.reserve(id, { [lamp]: 2 });
    t.is(await room.countStatements(() => commit(id)), 1);
    await Promise.all([commit(id), commit(id)]);
    await room.letExpire(id);
    await expire();
    await commit(id);
    t.deepEqual(await room.levels(lamp), [[3, 2]]);
    t.is(await expiriesTold(id), 0);
    const again = await room.reserve(id, { [lamp]: 2 });
    t.true(again < expireTime, "the same reservation again answers with what is stored");
  },
);

test.serial("a committed reservation can still be released, as when its order is cancelled", async (t) => {
  const [lamp = ""] = await room.stock(5);
  const id = uuidv7();
  await room.reserve(id, { [lamp]: 2 });
  await commit(id);
  await release(id);
  t.deepEqual(await room.levels(lamp), [[5, 0]]);
  t.is(await outcomeOf(commit(id)), "RESERVATION_RELEASED");
});

test.serial("a reservation that was never made cannot be committed", async (t) => {
  t.is(await outcomeOf(commit(uuidv7())), "RESERVATION_NOT_FOUND");
});

test.serial(
  "when the time of a reservation is up its stock is given back, and that is told once",
  async (t) => {
    const [lamp = ""] = await room.stock(5);
    const [id, other] = [uuidv7(), uuidv7()];
    await room.reserve(id, { [lamp]: 2 });
    await room.reserve(other, { [lamp]: 1 });
    await room.letExpire(id);
    await Promise.all([expire(), expire(), expire()]);
    await expire();
    t.deepEqual(await room.levels(lamp), [[4, 1]]);
    t.is(await expiriesTold(id), 1);
    t.is(await expiriesTold(other), 0);
  },
);

test.serial(
  "when its time is up a reservation is over at once, even before its stock is given back",
  async (t) => {
    const [lamp = ""] = await room.stock(5);
    const id = uuidv7();
    await room.reserve(id, { [lamp]: 2 });
    await room.letExpire(id);
    t.is(await outcomeOf(commit(id)), "RESERVATION_RELEASED");
    t.is(await outcomeOf(room.reserve(id, { [lamp]: 2 })), "RESERVATION_RELEASED");
    await release(id);
    await expire();
    t.deepEqual(await room.levels(lamp), [[5, 0]]);
    t.is(await expiriesTold(id), 0);
  },
);

test.serial("more reservations than one transaction takes expire in one run", async (t) => {
  const [lamp = "", mug = ""] = await room.stock(250, 250);
  const ids = Array.from({ length: 250 }, () => uuidv7());
  for (const id of ids) await room.reserve(id, { [lamp]: 1, [mug]: 1 });
  await room.letExpire(...ids);
  const statements = await room.countStatements(expire);
  t.true(statements <= 3 * 4, `${statements} statements`);
  t.deepEqual(await room.levels(lamp, mug), [
    [250, 0],
    [250, 0],
  ]);
  const { rows } = await room.db.pool.run("select count(*) from mesh.outbox where aggregate_id = any ($1)", [
    ids,
  ]);
  t.is(rows[0].count, 250n);
});

test.serial(
  "of a commit, a release and an expiry at the same time one wins and the books stay right",
  async (t) => {
    const [lamp = "", mug = ""] = await room.stock(200, 200);
    const ids = Array.from({ length: 60 }, () => uuidv7());
    for (const id of ids) await room.reserve(id, { [lamp]: 1, [mug]: 2 });
    // Some are up, some will be at any moment.
    await room.db.pool.run(
      "update reservation set expire_time = clock_timestamp() + (random() * 60 - 10) * interval '1 ms' where id = any ($1)",
      [ids],
    );
    const works = ids.flatMap((id, index) => {
      const others = index % 10 === 0 ? [expire()] : index % 3 === 0 ? [release(id)] : [];
      return [commit(id), ...others, room.reserve(uuidv7(), { [mug]: 1, [lamp]: 1 })];
    });
    const counts = await tally(works);
    t.deepEqual(
      Object.keys(counts).filter((outcome) => outcome !== "done" && outcome !== "RESERVATION_RELEASED"),
      [],
    );
    await expire();
    const { rows } = await room.db.pool.run("select id, state from reservation where id = any ($1)", [ids]);
    for (const { id, state } of rows) {
      t.true(state === "COMMITTED" || state === "RELEASED" || state === "HELD");
      t.is((await expiriesTold(id)) > 0 && state !== "RELEASED", false);
    }
    await auditLedger(t, room);
  },
);
