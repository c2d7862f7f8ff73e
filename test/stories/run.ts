import { parseArgs } from "node:util";
import { print } from "../print.ts";
import { openStoryShop } from "./shop.ts";
import { tellStories } from "./tell.ts";

// npm run stories -- --runs 10000             so many random stories
// npm run stories -- --seed 4711 --runs 1     one of them again, with the seed that was printed
const { values } = parseArgs({ options: { runs: { type: "string" }, seed: { type: "string" } } });
const seed = wholeNumber("seed", values.seed) ?? Math.floor(Math.random() * 2 ** 31);
// Who names a seed means the one story.
const runs = wholeNumber("runs", values.runs) ?? (values.seed === undefined ? 200 : 1);

const closing: (() => Promise<void>)[] = [];
print(`${runs} stories, the first with seed ${seed}`);
const startedAt = Date.now();
try {
  const shop = await openStoryShop({ teardown: (work) => closing.unshift(work) });
  const { stories, steps, failure } = await tellStories(shop, {
    runs,
    seed,
    onProgress(told) {
      if (told % 500 === 0) print(`  ${told} stories after ${seconds()} s`);
    },
  });
  if (failure === undefined) await shop.end();
  else print(failure);
  print(
    `${stories} stories with ${steps} steps in ${seconds()} s${failure === undefined ? ": all agree" : ""}`,
  );
  process.exitCode = failure === undefined ? 0 : 1;
} finally {
  for (const close of closing) await close();
}
// Stores that this process brought end with it.
process.exit();

function seconds(): string {
  return ((Date.now() - startedAt) / 1_000).toFixed(0);
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^-?[0-9]{1,10}$/.test(text)) return Number(text);
  process.stderr.write(`--${name} must be a whole number, not ${text}\n`);
  process.exit(1);
}
