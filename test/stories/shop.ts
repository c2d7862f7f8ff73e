import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openBooks } from "../chaos/books.ts";
import { openShop } from "../chaos/shop.ts";
import { eventually } from "../eventually.ts";
import { startServer } from "../service/notification-post.ts";
import type { Teardown } from "../stores.ts";
import type { Counter } from "./command.ts";
import type { Model, Shopper } from "./model.ts";
import type { Currency } from "./reckon.ts";
import { inDollars, openShelves, PRICES, STOCK } from "./shelves.ts";

/** A shop in which stories happen side by side, each with shoppers and goods of its own. */
export interface StoryShop extends Counter {
  /** How many mails came to an address. */
  mailsTo(address: string): number;
  /** What is true when a story begins. */
  begin(): Promise<Model>;
  /** Keeps what shoppers were told for the end. */
  remember(model: Model): void;
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
      INVENTORY_EXPIRY_INTERVAL_MS: "100",
      PAYMENT_SANDBOX_WEBHOOK_SECRET: WEBHOOK_SECRET,
    },
  });
  const books = await openBooks(t, shop);
  const shelves = await openShelves(shop);
  let notifications = 0;
  const expectedMails = new Map<string, number>();

  const newShopper = (currency: Currency): Shopper => {
    return {
      customer: shop.customer(),
      currency,
      cart: [],
      codes: [],
      orders: [],
      attempts: [],
      told: [],
      mailsAlone: 0,
    };
  };

  return {
    call: (service, identity) => shop.call(service, identity),
    ask: (database, sql, values) => shop.ask(database, sql, values),
    unique: randomUUID,
    mailsTo: (address) => mails.get(address) ?? 0,
    async begin() {
      const goods = await shelves.take();
      return {
        goods: goods.map((variantId, index) => {
          const EUR = BigInt((PRICES[index] as string).replace(".", ""));
          return { variantId, prices: { EUR, USD: inDollars(EUR) }, available: BigInt(STOCK), reserved: 0n };
        }),
        shoppers: SHOPPERS.map(newShopper),
        holds: [],
        coupons: [],
        payments: [],
      };
    },
    remember({ shoppers }) {
      for (const { customer, told, mailsAlone } of shoppers) {
        notifications += told.length;
        const all = told.length + mailsAlone;
        if (all > 0) expectedMails.set(customer.email, all);
      }
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
