import test from "ava";
import fc from "fast-check";
import { afterFile } from "../after-file.ts";
import { SEED } from "../seed.ts";
import { openShop, type Shop } from "./product-shop.ts";

let shop: Shop;
const file = afterFile(test);

test.before(async () => {
  shop = await openShop(file);
  await shop.import({
    a: { title: "Bronze Bowl", descriptionHtml: "<p>Goes with an <em>ocelot</em> &amp; tea.</p>" },
    b: { title: "Tray", type: "Ocelot", vendor: "Holm" },
    c: { title: "Jug", vendor: "Ocelot" },
    d: { title: "Plate", tags: ["gift", "ocelot"] },
    e: { title: "Ocelot Print", vendor: "Holm" },
    f: { title: "Brass Desk Lamp", descriptionHtml: "<p>Lights a desk.</p>", type: "Lamps" },
    g: { title: "Café Crème Cups", vendor: "Größe", type: "Cups" },
    h: { title: "Ocelot Poster", published: false },
    i: { title: "USB-C Cable 2 m", type: "Cables" },
    j: { title: "茶碗 Tea Bowl", type: "Cups" },
  });
  await shop.import(
    Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`chair-${at}`, { title: `Oak Chair ${at}` }])),
  );
});

test.serial("a match in the title counts for most, then tags, vendor, category, description", async (t) => {
  t.deepEqual(await shop.titles("ocelot"), ["Ocelot Print", "Plate", "Jug", "Tray", "Bronze Bowl"]);
});

test.serial("many words in the description count for less than one in the category", async (t) => {
  await shop.import({
    many: { title: "Wombat one", descriptionHtml: `<p>${"quokka ".repeat(50)}</p>` },
    one: { title: "Wombat two", type: "Quokka" },
  });
  t.deepEqual(await shop.titles("quokka"), ["Wombat two", "Wombat one"]);
});

test.serial("what is not published is not found", async (t) => {
  t.deepEqual(await shop.titles("poster"), []);
  await shop.import({ h: { title: "Ocelot Poster" } });
  t.deepEqual(await shop.titles("poster"), ["Ocelot Poster"]);
  await shop.import({ h: { title: "Ocelot Poster", published: false } });
  t.deepEqual(await shop.titles("poster"), []);
});

test.serial(
  "of words that very many products have the newest are found, each once, and rare ones all",
  async (t) => {
    const own = await openShop(t);
    const batch = (from: number) =>
      Object.fromEntries(
        Array.from({ length: 200 }, (_, at) => {
          const number = from + at;
          const rare = number % 100 === 0 ? " Zebrawood" : "";
          return [
            `stool-${number}`,
            { title: `Stool${rare} ${number}`, descriptionHtml: "<p>Made by hand.</p>" },
          ];
        }),
      );
    for (let from = 0; from < 800; from += 200) await own.import(batch(from));
    const find = async (query: string) => {
      const found: string[] = [];
      for (let pageToken = ""; ; ) {
        const page = await own.search(query, { pageSize: 100, pageToken });
        found.push(...page.products.map(({ title }) => title));
        pageToken = page.nextPageToken;
        if (pageToken === "") return found;
      }
    };
    for (const query of ["stool", "hand"]) {
      const found = await find(query);
      t.true(found.length >= 50 && found.length < 800, `${found.length}`);
      t.is(new Set(found).size, found.length);
      t.is(found[0], "Stool 799");
    }
    const rare = [7, 6, 5, 4, 3, 2, 1, 0].map((hundred) => `Stool Zebrawood ${hundred * 100}`);
    t.deepEqual(await find("zebrawood"), rare);
    t.deepEqual(await find("stool zebrawod"), rare);
  },
);

for (const [query, about] of [
  ["desk lamp", "all words"],
  ["LAMP desk", "in any case and order"],
  ["brass lam", "the beginning of the last one"],
  ["desks lamps", "in the plural"],
  ["  lamp -- of   brass!", "with blanks, signs and small words"],
] as const) {
  test.serial(`words are found: ${about}`, async (t) => {
    t.deepEqual(await shop.titles(query), ["Brass Desk Lamp"]);
  });
}

test.serial("the beginning of a word is found, be it that of one word or of very many", async (t) => {
  const gadgets = Array.from({ length: 45 }, (_, at) => `Gadget ${7_000 + at}`);
  await shop.import(Object.fromEntries(gadgets.map((title) => [title.replace(" ", "-"), { title }])));
  const found = async (query: string) => (await shop.search(query, { pageSize: 100 })).products;
  for (const [query, number] of [
    ["gadget 70", 45],
    ["gadget 703", 10],
    ["gadget 7044", 1],
    ["gadget 71", 0],
  ] as const) {
    t.is((await found(query)).length, number, query);
  }
  t.deepEqual(await shop.titles("goes ocel"), ["Bronze Bowl"], "in a description, too");
});

test.serial("accents do not count, on either side", async (t) => {
  for (const query of ["cafe creme", "Café", "càfè cu", "grosse"]) {
    t.deepEqual(await shop.titles(query), ["Café Crème Cups"], query);
  }
});

test.serial("words with signs in them and words in other scripts are found", async (t) => {
  for (const query of ["usb-c", "USB c cable", "usb"])
    t.deepEqual(await shop.titles(query), ["USB-C Cable 2 m"], query);
  for (const query of ["茶碗", "茶"]) t.deepEqual(await shop.titles(query), ["茶碗 Tea Bowl"], query);
});

for (const [typed, meant] of [
  ["lapm", "neighbours swapped"],
  ["lammp", "a letter too many"],
  ["bras desk", "a letter too few"],
  ["briss lamp", "a wrong letter"],
  ["the bras desk lmap", "several mistakes"],
] as const) {
  test.serial(`small typing errors are forgiven: ${meant}`, async (t) => {
    t.is((await shop.titles(typed))[0], "Brass Desk Lamp");
  });
}

test.serial("a number is not taken for a similar one, but for one with two digits swapped", async (t) => {
  await shop.import({ m: { title: "Motor 55555" }, n: { title: "Motor 1234" } });
  t.deepEqual(await shop.titles("motor 5555"), ["Motor 55555"], "which is its beginning");
  t.deepEqual(await shop.titles("motor 555555"), []);
  t.deepEqual(await shop.titles("motor 1324"), ["Motor 1234"]);
  t.deepEqual(await shop.titles("mottor 1234"), ["Motor 1234"]);
});

test.serial("similar words are tried only where few products match, and come after those", async (t) => {
  await shop.import({ k: { title: "Chiar Figurine" }, l: { title: "Charm Bracelet" } });
  t.true((await shop.titles("chair")).every((title) => title.startsWith("Oak Chair")));
  t.deepEqual((await shop.titles("chiar")).slice(0, 2), ["Chiar Figurine", "Oak Chair 11"]);
});

test.serial("what resembles nothing finds nothing", async (t) => {
  for (const query of ["xylophone", "the", "!!!", "lamp xylophone", "z"]) {
    t.deepEqual((await shop.search(query)).products, [], query);
  }
});

test.serial("hits come page by page in a stable order, exact ones and guesses alike", async (t) => {
  for (const query of ["chair", "chiar", "ocelot"]) {
    const whole = await shop.search(query, { pageSize: 100 });
    const walked: string[] = [];
    let pageToken = "";
    do {
      const page = await shop.search(query, { pageSize: 3, pageToken });
      t.true(page.products.length <= 3);
      walked.push(...page.products.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    t.deepEqual(
      walked,
      whole.products.map(({ id }) => id),
    );
  }
  const chairs = (await shop.search("chair")).products.map(({ title }) => title);
  t.deepEqual(
    chairs,
    Array.from({ length: 12 }, (_, at) => `Oak Chair ${11 - at}`),
    "among equals the newest come first",
  );
});

test.serial("a search is one statement, however it goes", async (t) => {
  for (const query of ["lamp", "lapm", "nothing like it"]) {
    t.is(await shop.countStatements(() => shop.search(query, { pageSize: 7 })), 1, query);
  }
});

test.serial("nothing that is typed breaks the search", async (t) => {
  const typed = fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 60 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
    fc.stringMatching(/^[ a-c&|!():*'"\\<>-]{1,40}$/),
  );
  await fc.assert(
    fc.asyncProperty(typed, async (query) => {
      // Protobuf carries no lone surrogates.
      await shop.search(query.toWellFormed());
    }),
    { seed: SEED, numRuns: 400 },
  );
  t.pass();
});
