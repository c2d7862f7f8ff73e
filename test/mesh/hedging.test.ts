import test, { type ExecutionContext } from "ava";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { serviceConfig } from "#kit/mesh/service-config.ts";
import { eventually } from "../eventually.ts";
import { startTestEnvoy } from "./envoy-program.ts";
import { joinAsCaller, serving, startHangingService, startTestService } from "./envoy-service.ts";

/** One after the other: a balancer begins half of them at the replica that hangs. */
const CALLS = 4;

test("direct: a read of the catalogue that a replica leaves hanging is answered by the other one", async (t) => {
  const ports = await replicas(t);
  const target = `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join()}`;
  const client = joinAsCaller(t, target, serviceConfig)(ProductService);
  // Until both replicas are connected, both attempts may go to the same one.
  await eventually(() => client.listCategories({}));
  for (let call = 0; call < CALLS; call++) {
    t.is((await client.listCategories({})).categories[0]?.products, 7n);
  }
});

test("envoy: a read of the catalogue that a replica leaves hanging is answered by the other one", async (t) => {
  const envoy = await startTestEnvoy(t, { product: await replicas(t) });
  if (envoy === undefined) return;
  const client = joinAsCaller(t, envoy.meshAddress)(ProductService);
  for (let call = 0; call < CALLS; call++) {
    t.is((await client.listCategories({})).categories[0]?.products, 7n);
  }
});

async function replicas(t: ExecutionContext): Promise<number[]> {
  const sound = serving(ProductService, {
    listCategories: async () => ({ categories: [{ products: 7n }] }),
  });
  return [await startHangingService(t), await startTestService(t, sound)];
}
