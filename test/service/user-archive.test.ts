import test from "ava";
import { zip } from "../../services/user/export/zip.ts";

async function* read(
  archive: AsyncIterable<Uint8Array>,
  atMost = Number.POSITIVE_INFINITY,
): AsyncGenerator<number> {
  let bytes = 0;
  for await (const chunk of archive) {
    bytes += chunk.length;
    yield bytes;
    if (bytes > atMost) return;
  }
}

test("an archive breaks off with what reading a file of it throws", async (t) => {
  async function* broken() {
    yield "[";
    throw new Error("the service is away");
  }
  const files = [
    {
      name: "whole.json",
      content: (async function* () {
        yield "[]";
      })(),
    },
    { name: "broken.json", content: broken() },
  ];
  await t.throwsAsync(Array.fromAsync(read(zip(files, new Date()))), { message: "the service is away" });
});

test("who stops reading an archive stops what it is made of", async (t) => {
  const ended = Promise.withResolvers<void>();
  async function* endless() {
    try {
      for (let n = 0n; ; n++) yield `${n * n} is a square; `.repeat(100);
    } finally {
      ended.resolve();
    }
  }
  await Array.fromAsync(read(zip([{ name: "endless.txt", content: endless() }], new Date()), 20_000));
  await t.notThrowsAsync(ended.promise);
});
