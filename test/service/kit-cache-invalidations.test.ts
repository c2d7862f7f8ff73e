import test from "ava";
import type { Entry, Standing } from "#kit/cache/entry.ts";
import { createInvalidations, type Invalidations } from "#kit/cache/invalidations.ts";

/** An answer with one tag that was loaded just now. */
function answer(tag: string, standing: Standing): Entry {
  return { encoded: new Uint8Array(), etag: "", loadTime: Date.now(), tags: [tag], standing };
}

/** As another process would have loaded it. */
const elsewhere = ({ stream, sequence }: Standing): Standing => ({ stream, sequence, moment: 0 });

function hearing(): Invalidations {
  const invalidations = createInvalidations();
  invalidations.follow("stream", 10);
  invalidations.hearing(10);
  return invalidations;
}

test("an answer is overtaken by later events with its tag, and by no others", (t) => {
  const it = hearing();
  const before = it.standing();
  it.heard(11, { id: "1", tags: ["a"] });
  t.is(it.judge(answer("a", before)), "overtaken");
  t.is(it.judge(answer("b", before)), "good");
  t.is(it.judge(answer("a", it.standing())), "good");
});

test("until an own event comes by the stream, answers of other processes with its tags are not believed", (t) => {
  const it = hearing();
  const before = it.standing();
  it.committed([{ id: "1", tags: ["a"] }]);
  const after = it.standing();
  t.is(it.judge(answer("a", before)), "overtaken");
  t.is(it.judge(answer("a", elsewhere(after))), "overtaken");
  t.is(it.judge(answer("b", elsewhere(after))), "good");
  t.is(it.judge(answer("a", after)), "good");
  it.heard(11, { id: "1", tags: ["a"] });
  t.is(it.judge(answer("a", elsewhere({ ...after, sequence: 11 }))), "good");
  t.is(it.judge(answer("a", elsewhere(after))), "overtaken");
});

test("an own event that comes by the stream before its commit is known is not waited for", (t) => {
  const it = hearing();
  it.heard(11, { id: "1", tags: ["a"] });
  it.committed([{ id: "1", tags: ["a"] }]);
  t.is(it.judge(answer("a", elsewhere(it.standing()))), "good");
});

test("more own events than are told apart make all answers from before them overtaken until the last has come", (t) => {
  const it = hearing();
  const before = it.standing();
  const events = Array.from({ length: 10_001 }, (_, at) => ({ id: `${at}`, tags: [`text:${at}`] }));
  it.committed(events);
  t.is(it.judge(answer("other", before)), "overtaken");
  t.is(it.judge(answer("other", elsewhere(it.standing()))), "overtaken");
  t.is(it.judge(answer("other", it.standing())), "good");
  for (const [at, event] of events.entries()) it.heard(11 + at, event);
  t.is(it.judge(answer("other", elsewhere(it.standing()))), "good");
});

test("what began before an event that is forgotten is taken for overtaken", (t) => {
  const it = hearing();
  const before = it.standing();
  for (let at = 11; at <= 20_011; at++) it.heard(at, { id: `${at}`, tags: [`text:${at}`] });
  t.is(it.judge(answer("text:11", before)), "overtaken");
  t.is(it.judge(answer("other", before)), "overtaken");
  t.is(it.judge(answer("other", it.standing())), "good");
});

test("what cannot be read may have overtaken anything", (t) => {
  const it = hearing();
  const before = it.standing();
  it.heardNoise(11);
  t.is(it.judge(answer("a", before)), "overtaken");
  t.is(it.judge(answer("a", it.standing())), "good");
});

test("a stream that is made anew, or has lost its end, makes all answers from before overtaken", (t) => {
  const it = hearing();
  const before = it.standing();
  it.deaf();
  t.is(it.follow("stream", 12), 10, "it goes on where it was");
  it.hearing(12);
  t.is(it.judge(answer("a", before)), "good");
  for (const [stream, last] of [
    ["stream", 5],
    ["another", 20],
  ] as const) {
    t.is(it.follow(stream, last), 0);
    it.hearing(last);
    t.is(it.judge(answer("a", before)), "overtaken");
    t.is(it.judge(answer("a", it.standing())), "good");
  }
});

test("while events are not heard, only what was loaded here a moment ago is good", (t) => {
  const it = hearing();
  const own = answer("a", it.standing());
  it.deaf();
  t.is(it.judge(own), "good");
  t.is(it.judge({ ...own, loadTime: Date.now() - 1_000 }), "unsure");
  t.is(it.judge({ ...own, standing: elsewhere(own.standing) }), "unsure");
  t.is(it.judge({ ...own, tags: [], loadTime: 0 }), "good", "what no event ends is not affected");
});
