import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { BreakerControl, OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import type { SoukError } from "#kit/error.ts";
import { product } from "../../services/product/service.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh } from "../mesh.ts";

test("callers fill no log: neither with long requests nor with more of them than they may make", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "souk-log-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, "log");
  const env = { SOUK_LOG_LEVEL: "info", SOUK_LOG_FILE: file, SOUK_RATE_ANONYMOUS: "20" };
  const mesh = await startTestMesh(t, [product], { env });
  const anybody = mesh.withToken(ProductService, "");
  const by = { case: "slug", value: "x".repeat(10_000) } as const;
  const reasons = new Set<string>();
  for (let call = 0; call < 60; call++) {
    const refusal = await t.throwsAsync<SoukError>(anybody.getProduct({ by }));
    reasons.add(refusal?.reason ?? "");
  }
  t.deepEqual([...reasons], ["INVALID_REQUEST", "RATE_LIMITED"]);
  const method = "souk.payment.v1.PaymentService/AuthorizePayment";
  await mesh.at(OperationsService, "product").setBreaker({ method, control: BreakerControl.FORCED_OPEN });
  // Lines are written in order: with the last one, all before it are there.
  const lines = await eventually(async () => {
    const written = await readFile(file, "utf8");
    assert.match(written, /an operator set a breaker/);
    return written.trim().split("\n");
  });
  t.deepEqual(
    lines.filter((line) => line.includes("GetProduct")),
    [],
  );
});
