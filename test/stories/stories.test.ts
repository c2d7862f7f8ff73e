import test from "ava";
import { SEED } from "../seed.ts";
import { openStoryShop } from "./shop.ts";
import { tellStories } from "./tell.ts";

/** `npm run stories` tells as many as one likes. */
const STORIES = 200;

test("after random stories orders, stock, payments, books, notifications and mails agree with a model", async (t) => {
  const shop = await openStoryShop(t);
  const { stories, steps, failure } = await tellStories(shop, { runs: STORIES, seed: SEED });
  t.is(failure, undefined);
  t.is(stories, STORIES);
  t.log(`${steps} steps`);
  await shop.end();
});
