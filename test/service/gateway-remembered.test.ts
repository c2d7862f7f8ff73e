import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import test, { type ExecutionContext } from "ava";
import {
  type ImportProductsRequestSchema,
  ProductAdminService,
} from "#gen/souk/product/v1/product_admin_pb.ts";
import { start } from "#kit/run.ts";
import { gateway } from "../../services/gateway/program.ts";
import { product } from "../../services/product/service.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh } from "../mesh.ts";
import { testStores } from "../stores.ts";
import { layCable } from "./kit-cable.ts";

const HEADER = "Handle,Title,Type,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty";
const LIST = "/souk.product.v1.ProductService/ListProducts";

interface Given {
  readonly status: number;
  readonly headers: Headers;
  readonly title: string;
}

/** A product service with one lamp, and what else is started beside it. */
async function openShop(t: ExecutionContext, settings: Record<string, string> = {}) {
  const mesh = await startTestMesh(t, [product], { env: settings });
  const started = async (programs: Parameters<typeof start>[0], env: Record<string, string>) => {
    const running = await start(programs, { ...mesh.env, SOUK_DATA_PLANE: "direct", ...env });
    t.teardown(() => running.stop());
    return running.programs[0]?.ports ?? {};
  };
  const nameLamp = async (title: string) => {
    async function* requests(): AsyncGenerator<MessageInitShape<typeof ImportProductsRequestSchema>> {
      yield { part: { case: "options", value: { currency: "EUR" } } };
      yield { part: { case: "chunk", value: Buffer.from(`${HEADER}\nlamp,${title},Lamps,,,LAMP,1.00,1\n`) } };
    }
    await Array.fromAsync(mesh.as(ProductAdminService).importProducts(requests()));
  };
  await nameLamp("Lamp");
  return {
    mesh,
    nameLamp,
    replica: (env: Record<string, string>) => started([product], env),
    /** A gateway of a process of its own, as far as data planes know. */
    async gatewayTo(productPort: number | undefined, env: Record<string, string> = {}) {
      const ports = await started([gateway], {
        SOUK_MESH_DIRECTORY: `product=127.0.0.1:${productPort}`,
        ...env,
      });
      const url = `http://127.0.0.1:${ports["http"]}`;
      return {
        url,
        async list(headers: Record<string, string> = {}): Promise<Given> {
          const response = await fetch(url + LIST, {
            method: "POST",
            headers: { "content-type": "application/json", ...headers },
            body: "{}",
          });
          const answer = (await response.json()) as { products?: { title: string }[] };
          return {
            status: response.status,
            headers: response.headers,
            title: answer.products?.[0]?.title ?? "",
          };
        },
        /** How many answers of the list were given by the gateway itself. */
        async hits(): Promise<number> {
          const metrics = await fetch(`http://127.0.0.1:${ports["operations"]}/metrics`);
          const found = /^souk_cache_answers_total\{[^}]*ListProducts[^}]*how="hit"[^}]*\} (\d+)/m.exec(
            await metrics.text(),
          );
          return Number(found?.[1] ?? 0);
        },
      };
    },
  };
}

type Gateway = Awaited<ReturnType<Awaited<ReturnType<typeof openShop>>["gatewayTo"]>>;

/** Waits until the gateway gives answers itself: it has to hear of events first. */
async function remembering({ list, hits }: Gateway): Promise<Given> {
  return eventually(async () => {
    const before = await hits();
    const given = await list();
    assert.equal(await hits(), before + 1);
    return given;
  });
}

test("a gateway gives what is the same for everybody again, as the service would, until an event overtakes it", async (t) => {
  const { mesh, nameLamp, gatewayTo } = await openShop(t, { SOUK_RATE_ANONYMOUS: "100000" });
  const shop = await gatewayTo(mesh.port("product"));
  const asked = await shop.list();
  const given = await remembering(shop);
  t.is(given.title, "Lamp");
  for (const name of ["etag", "cache-control", "content-type", "ratelimit-policy"])
    t.is(given.headers.get(name), asked.headers.get(name), name);
  t.truthy(given.headers.get("x-request-id"));
  t.is((await shop.list({ "accept-encoding": "gzip" })).title, "Lamp");

  const query = new URLSearchParams({ connect: "v1", encoding: "json", message: "{}" });
  const known = await fetch(`${shop.url}${LIST}?${query}`, {
    headers: { "if-none-match": given.headers.get("etag") ?? "" },
  });
  t.is(known.status, 304);

  const left = (it: Given) => Number(/r=(\d+)/.exec(it.headers.get("ratelimit") ?? "")?.[1]);
  const before = left(await shop.list());
  t.true(left(await shop.list()) < before, "each answer counts as a call");
  t.is((await shop.list({ authorization: "Bearer x" })).status, 401, "who signs in is asked who it is");

  for (const title of ["Lamp two", "Lamp three"]) {
    await nameLamp(title);
    await eventually(async () => assert.equal((await shop.list()).title, title));
    t.is((await remembering(shop)).title, title);
  }
});

test("who asks too often is refused by a gateway that knows the answer", async (t) => {
  const { mesh, gatewayTo } = await openShop(t);
  // The service lets everybody in here: whoever is refused, the gateway refuses.
  const shop = await gatewayTo(mesh.port("product"), { SOUK_RATE_ANONYMOUS: "40" });
  await remembering(shop);
  const { headers } = await eventually(async () => {
    const given = await shop.list();
    assert.equal(given.status, 429);
    return given;
  });
  t.regex(headers.get("retry-after") ?? "", /^\d+$/);
  t.is(headers.get("etag"), null);
});

test("while a gateway hears of no events it asks the service, and afterwards it knows what it missed", async (t) => {
  const { mesh, nameLamp, gatewayTo } = await openShop(t);
  const cable = await layCable(t, (await testStores()).natsUrl);
  const shop = await gatewayTo(mesh.port("product"), { SOUK_NATS_URL: cable.url });
  await remembering(shop);
  await cable.cut();
  await eventually(async () => {
    const before = await shop.hits();
    await shop.list();
    assert.equal(await shop.hits(), before);
  });
  await nameLamp("Lamp of the dark");
  t.is((await shop.list()).title, "Lamp of the dark");
  await cable.mend();
  t.is((await remembering(shop)).title, "Lamp of the dark");
});

test("a gateway that hears of a change before a replica does keeps nothing that this one still gives", async (t) => {
  const { nameLamp, replica, gatewayTo } = await openShop(t);
  const cable = await layCable(t, (await testStores()).natsUrl);
  const deaf = await replica({ SOUK_NATS_URL: cable.url });
  const shop = await gatewayTo(deaf["grpc"]);
  await remembering(shop);
  await cable.cut();
  await nameLamp("Lamp of the others");
  // What the replica remembers is good for a second more, and it may load anew without knowing of the change.
  await eventually(async () => assert.equal((await shop.list()).title, "Lamp of the others"));
  await cable.mend();
  await eventually(async () => {
    await nameLamp("Lamp of all");
    assert.equal((await shop.list()).title, "Lamp of all");
  });
  t.is((await remembering(shop)).title, "Lamp of all");
});
