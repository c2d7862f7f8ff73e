import fc from "fast-check";
import { agree } from "./agree.ts";
import { STEPS } from "./commands/all.ts";
import type { StoryShop } from "./shop.ts";

/** What is told. */
export interface Telling {
  /** How many stories. */
  readonly runs: number;
  /** Of the first story; the others follow from it. */
  readonly seed: number;
  /** Told now and then how many were told. */
  onProgress?(told: number): void;
}

/** What became of it. */
export interface Told {
  readonly stories: number;
  readonly steps: number;
  /** The first story that did not end as it should, in words, with the seed that tells it again. */
  readonly failure: string | undefined;
}

/** So many stories happen side by side: while one waits, others keep the machine busy. */
const SIDE_BY_SIDE = 4;
/** How many steps a story has at most. */
const MOST_STEPS = 48;
/** How long is spent on making a story that failed shorter, in ms. */
const SHORTEN_MS = 30_000;

/**
 * Tells random stories in a shop, and after each compares all that it touched with the model.
 *
 * @param shop the shop
 * @param telling how many, and from which seed
 */
export async function tellStories(shop: StoryShop, { runs, seed, onProgress }: Telling): Promise<Told> {
  let [begun, stories, steps] = [0, 0, 0];
  let failure: string | undefined;

  async function tell(): Promise<void> {
    while (begun < runs && failure === undefined) {
      const own = seedOf(seed, begun++);
      const problem = await tellStory(shop, own, () => steps++);
      failure ??=
        problem &&
        `The story with seed ${own} went wrong. Again: npm run stories -- --seed ${own}\n${problem}`;
      stories++;
      onProgress?.(stories);
    }
  }

  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, tell));
  return { stories, steps, failure };
}

/** Tells one story, and when it goes wrong, shorter ones that go wrong alike. */
async function tellStory(shop: StoryShop, seed: number, onStep: () => void): Promise<string | undefined> {
  let shortenUntil = Number.POSITIVE_INFINITY;
  const happens = fc.asyncProperty(
    fc.commands(STEPS, { maxCommands: MOST_STEPS, size: "max" }),
    async (story) => {
      if (Date.now() > shortenUntil) return;
      const model = await shop.begin();
      const real = { ...shop };
      try {
        await fc.asyncModelRun(() => ({ model, real }), story);
        await agree(model, shop);
      } catch (error) {
        shortenUntil = Math.min(shortenUntil, Date.now() + SHORTEN_MS);
        throw error;
      } finally {
        await shop.close(model);
      }
      shop.remember(model);
      for (const _ of story) onStep();
    },
  );
  const details = await fc.check(happens, {
    seed,
    numRuns: 1,
    // Half of a single run would be biased to stories of a step or two.
    unbiased: true,
  });
  if (!details.failed) return undefined;
  const [story] = details.counterexample ?? [];
  const error = details.errorInstance;
  return `${String(story).replaceAll(/\s*\/\*.*\*\/$/g, "")}\n${error instanceof Error ? error.stack : String(error)}`;
}

/** The seed of a story: that of the first is the one asked for, so that any story can be the first. */
function seedOf(first: number, index: number): number {
  if (index === 0) return first;
  // Neighbours shall have nothing in common: the finalizer of MurmurHash3, by Austin Appleby.
  let hash = (first + Math.imul(index, 0x9e3779b9)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
