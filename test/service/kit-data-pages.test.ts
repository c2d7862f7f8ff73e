import test from "ava";
import fc from "fast-check";
import { uuidv7 } from "uuidv7";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.ts";
import { decodePageToken, encodePageToken, NUMBER, UUID } from "#kit/data/page-token.ts";
import { uuidBefore } from "#kit/data/uuid-before.ts";
import { detailOf, isMeshRefusal, MeshReason, SoukError } from "#kit/error.ts";
import { SEED } from "../seed.ts";

test("a page token leads to where the page ended", (t) => {
  fc.assert(
    fc.property(fc.string(), fc.uuid(), fc.nat(), (list, id, number) => {
      const position = [id, String(number)];
      t.deepEqual(decodePageToken(list, encodePageToken(list, position), [UUID, NUMBER]), position);
    }),
    { seed: SEED },
  );
  t.deepEqual(decodePageToken("list", "", [UUID]), []);
});

test("a token of another list, or one that was never given, is refused with the field that holds it", (t) => {
  const tokens = [
    encodePageToken("other", ["1"]),
    encodePageToken("list", ["' or true --"]),
    encodePageToken("list", ["1", "2"]),
    encodePageToken("list", []),
    Buffer.from("[1]").toString("base64url"),
    "e30",
    "nonsense",
  ];
  for (const token of tokens) {
    const error = t.throws(() => decodePageToken("list", token, [NUMBER]), { instanceOf: SoukError });
    t.true(isMeshRefusal(error, MeshReason.PAGE_TOKEN_INVALID));
    t.is(error && detailOf(error, BadRequestSchema)?.fieldViolations[0]?.field, "page_token");
  }
});

test("ids that were made before a time are smaller than the smallest of that time", (t) => {
  const earlier = uuidv7();
  t.true(earlier < uuidBefore(Date.now() + 1));
  t.true(uuidBefore(Date.now() - 1_000) < uuidv7());
  t.is(uuidBefore(-1), "00000000-0000-7000-8000-000000000000");
});
