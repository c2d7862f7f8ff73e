import test from "ava";
import { BadRequestSchema } from "#gen/google/rpc/error_details_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { detailOf, type SoukError } from "#kit/error.ts";
import { product } from "../../services/product/service.ts";
import { startTestMesh } from "../mesh.ts";

test("a request in which everything is wrong is refused in few words, and other calls on its connection go on", async (t) => {
  const mesh = await startTestMesh(t, [product]);
  const client = mesh.as(ProductService, "order");
  const ids = Array.from({ length: 200 }, (_, n) => `${n} is no id ${"\u00e9".repeat(130)}`);
  const wrong = Array.from({ length: 5 }, () =>
    t.throwsAsync<SoukError>(client.batchGetVariants({ ids }), undefined, "refused"),
  );
  const right = Array.from({ length: 20 }, () => client.listCategories({}));
  for (const refusal of await Promise.all(wrong)) {
    t.is(refusal?.reason, "INVALID_REQUEST");
    t.regex(refusal?.message ?? "", /^200 fields break their rules/);
    const { fieldViolations = [] } = (refusal && detailOf(refusal, BadRequestSchema)) ?? {};
    t.is(fieldViolations[0]?.field, "ids[0]");
    t.true(fieldViolations.length < 200);
  }
  t.is((await Promise.all(right)).length, 20);
});
