import test from "ava";
import { OrderConfirmedSchema } from "#gen/souk/order/v1/events_pb.ts";
import { listNotifications } from "../../services/notification/notifications.ts";
import { notification } from "../../services/notification/service.ts";
import { startTestMesh } from "../mesh.ts";
import { mailRows } from "./notification-post.ts";
import { openShop, orderEvent } from "./notification-shop.ts";
import { until } from "./payment-desk.ts";

test("while the mail server is away events are told in the shop; the mails follow when it is back", async (t) => {
  const { mailbox, db, events, register } = await openShop(t);
  await mailbox.stop();
  const ada = await register("Ada");
  for (let n = 0; n < 10; n++) await events.publish(OrderConfirmedSchema, orderEvent(ada));
  await until(async () => (await ada.told("order-confirmed")).length === 10);
  t.true((await mailRows(db)).every(({ state }) => state === "PENDING"));
  await mailbox.start();
  await until(async () => (await mailbox.mailsTo(ada.email)).length === 12);
  await until(async () => (await mailRows(db)).every(({ state }) => state === "DELIVERED"));
  t.is(await mailbox.count(), 12);
});

test("an event that is delivered twice is told once, even if the inbox has forgotten it", async (t) => {
  const { mailbox, mesh, db, events, register } = await openShop(t);
  const ada = await register("Ada");
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) ids.push(await events.publish(OrderConfirmedSchema, orderEvent(ada)));
  await until(async () => (await mailbox.mailsTo(ada.email)).length === 6);
  await until(() => events.settled());
  await db.pool.run("delete from mesh.inbox where event_id = any($1)", [ids.slice(2)]);
  await events.forgetDeliveries();
  await startTestMesh(t, [notification], { env: mesh.env });
  await until(() => events.settled());
  const told = await listNotifications(db, ada.id, undefined, 100);
  t.deepEqual(told.map(({ topic }) => topic).sort(), [...ids.map(() => "order-confirmed"), "welcome"]);
  t.is(await mailbox.count(), 6);
});
