import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { InventoryService } from "#gen/souk/inventory/v1/inventory_pb.ts";
import { PromotionService } from "#gen/souk/order/v1/promotion_pb.ts";
import { openBooks } from "../chaos/books.ts";
import { openShop, type Shop } from "../chaos/shop.ts";
import { eventually } from "../eventually.ts";
import { startServer } from "../service/notification-post.ts";
import type { Teardown } from "../stores.ts";
import type { Counter } from "./command.ts";
import { openJobs } from "./jobs.ts";
import { type Model, newShopper } from "./model.ts";
import type { Currency } from "./reckon.ts";
import { inDollars, inEuros, openShelves, STOCK } from "./shelves.ts";
import { newGoods, type Place } from "./warehouse.ts";

/** A shop in which stories happen side by side, each with shoppers and goods of its own. */
export interface StoryShop extends Counter {
  /** How many mails came to an address. */
  mailsTo(address: string): number;
  /** What is true when a story begins. */
  begin(): Promise<Model>;
  /** Keeps what shoppers were told for the end. */
  remember(model: Model): void;
  /** Ends what would reach into the stories that follow. */
  close(model: Model): Promise<void>;
  /**
   * Waits until nothing is under way, and compares what all shoppers of all stories were told: nothing came a second
   * time since.
   *
   * @throws AssertionError where something did
   */
  end(): Promise<void>;
}

/** What the sandbox signs its webhooks with. */
export const WEBHOOK_SECRET = "a secret between the sandbox and the shop of the stories";
/** The page to which customers come back who confirmed a payment. */
export const RETURN_URI = "https://shop.example/back";
/** What those pay with who shop in a story from its beginning. */
const SHOPPERS: readonly Currency[] = ["EUR", "USD"];

/**
 * Opens a shop for stories: all services in this process on data plane `local`, on stores of their own, with a mail
 * server that counts.
 *
 * @param t after which it is closed
 */
export async function openStoryShop(t: Teardown): Promise<StoryShop> {
  const mails = new Map<string, number>();
  const postOffice = await startServer(t, {
    onData(stream, { envelope }, taken) {
      stream.resume();
      stream.once("end", () => {
        for (const { address } of envelope.rcptTo) mails.set(address, (mails.get(address) ?? 0) + 1);
        taken();
      });
    },
  });
  const shop = await openShop(t, {
    env: {
      NOTIFICATION_SMTP_URL: postOffice.url,
      PAYMENT_SANDBOX_WEBHOOK_SECRET: WEBHOOK_SECRET,
      ORDER_RETURN_ORIGINS: new URL(RETURN_URI).origin,
    },
  });
  const books = await openBooks(t, shop);
  const places = await openPlaces(shop);
  const shelves = await openShelves(shop);
  let notifications = 0;
  const expectedMails = new Map<string, number>();

  return {
    call: (service, identity) => shop.callHere(service, identity),
    ask: (database, sql, values) => shop.ask(database, sql, values),
    runJob: openJobs(t, shop),
    unique: randomUUID,
    mailsTo: (address) => mails.get(address) ?? 0,
    async begin() {
      const products = await shelves.take();
      return {
        goods: products.flatMap(({ variantIds }, product) =>
          variantIds.map((variantId, index) => {
            const EUR = inEuros(product, index);
            const prices = { EUR, USD: inDollars(EUR) };
            return newGoods(places, BigInt(STOCK), { variantId, product, prices });
          }),
        ),
        products: products.map(({ productId }) => productId),
        shoppers: SHOPPERS.map((currency) => newShopper(shop.customer(), { currency })),
        holds: [],
        transfers: [],
        returns: [],
        promotions: [],
        payments: [],
        giftCards: [],
        lines: 0,
      };
    },
    remember({ shoppers }) {
      for (const { customer, told, mailsAlone } of shoppers) {
        notifications += told.length;
        const all = told.length + mailsAlone;
        if (all > 0) expectedMails.set(customer.email, all);
      }
    },
    async close({ promotions }) {
      const staff = shop.call(PromotionService, { caller: "operator" });
      const automatic = promotions.filter(({ code, isOver }) => code === "" && !isOver);
      await Promise.all(automatic.map(({ id }) => staff.endPromotion({ id })));
    },
    async end() {
      await books.settled();
      await eventually(async () => {
        const [row] = await shop.ask<{ n: number }>(
          "notification",
          "select count(*)::int as n from notification",
        );
        assert.equal(row?.n, notifications, "notifications of all stories");
      });
      assert.deepEqual(mails, expectedMails, "mails of all stories");
    },
  };
}

/** The warehouse that each shop has, a smaller one, and a shop from which nothing is sent. */
async function openPlaces(shop: Shop): Promise<Place[]> {
  const stockroom = shop.call(InventoryService, { caller: "operator" });
  const common = { active: true, pickUp: false };
  await stockroom.createLocation({
    location: { ...common, displayName: "Outlet", priority: 50, ships: true },
  });
  await stockroom.createLocation({
    location: { ...common, displayName: "High Street", priority: 10, ships: false, pickUp: true },
  });
  const { locations } = await stockroom.listLocations({});
  return locations.map(({ id, ships }) => ({ id, ships }));
}
