import type { TestFn } from "ava";
import { afterFile } from "../after-file.ts";
import { openBooks } from "./books.ts";
import { openShop } from "./shop.ts";
import { openTills, type Tills } from "./tills.ts";

/** Order services that are set alike. */
interface Kind {
  /** How many of them at most. */
  readonly most: number;
  /** More settings. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Opens a shop for the tests of a file, with order services of its own that they kill, and closes it after them.
 *
 * @param test the file's
 * @param offered how many variants there are, and how much of each; no two sales are of the same one
 * @param kinds the order services, under what they are called
 */
export function tillsOf<Name extends string>(
  test: TestFn,
  offered: { readonly variants: number; readonly stock: number },
  kinds: Readonly<Record<Name, Kind>>,
): Readonly<Record<Name, Tills>> {
  const file = afterFile(test);
  const names = Object.keys(kinds) as Name[];
  const opened = new Map<Name, Tills>();

  test.before(async () => {
    const shop = await openShop(file, { apart: ["order"] });
    const books = await openBooks(file, shop);
    const variants = await shop.offer(offered.stock, offered.variants);
    function newVariant(): string {
      const id = variants.pop();
      if (id === undefined) throw new Error("every variant is used; offer more");
      return id;
    }
    for (const name of names) {
      const { most, env } = kinds[name];
      opened.set(name, openTills(file, { shop, books, newVariant }, most, env));
    }
  });

  const tillsCalled = (name: Name): Tills => ({
    use: (moment, work) => (opened.get(name) as Tills).use(moment, work),
  });
  return Object.fromEntries(names.map((name) => [name, tillsCalled(name)])) as Record<Name, Tills>;
}
