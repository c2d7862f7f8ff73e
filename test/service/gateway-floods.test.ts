import { gzipSync } from "node:zlib";
import test from "ava";
import { gateway } from "../../services/gateway/program.ts";
import { afterFile } from "../after-file.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { exchangeHttp2, type Outgoing } from "./gateway-exchange.ts";
import { enveloped, outcomeOf } from "./gateway-outcome.ts";

const COMPRESSED = 1;
const LINES = 200_000;

/** A gateway alone: what it forwards meets no service. */
let mesh: TestMesh;
const file = afterFile(test);

test.before(async () => {
  mesh = await startTestMesh(file, [gateway]);
});

const EDIT_ORDER = "/souk.order.v1.OrderService/EditOrder";
const WATCH_STOCK = "/souk.inventory.v1.InventoryService/WatchStock";
const LIST_PRODUCTS = "/souk.product.v1.ProductService/ListProducts";

function post(
  path: string,
  type: string,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Outgoing {
  return { method: "POST", path, headers: { "content-type": `application/${type}`, ...headers }, body };
}

const items = Buffer.from(`{"lines":[${"{},".repeat(LINES)}{}]}`);
const texts = Buffer.from(`{"variantIds":[${'"",'.repeat(LINES)}""]}`);
const nested = Buffer.from(`{"lines":${"[".repeat(LINES)}`);
const digits = Buffer.from(`{"lines":[{"quantity":"${"9".repeat(LINES)}"}]}`);
/** The third field of the one and the first of the other, empty, again and again. */
const binaryItems = Buffer.alloc(3 * LINES, Buffer.from([0x1a, 0x00]));
const binaryTexts = Buffer.alloc(3 * LINES, Buffer.from([0x0a, 0x00]));
const gzip = { "content-encoding": "gzip" };
const grpcGzip = { "grpc-encoding": "gzip" };

const MARKS = /commas and opening brackets/;
const BYTES = /fits in \d+ bytes/;

/** Requests that are small to send and large to decode. */
const FLOODS: Readonly<Record<string, [Outgoing, RegExp]>> = {
  "Connect, JSON": [post(EDIT_ORDER, "json", items), MARKS],
  "Connect, JSON in gzip": [post(EDIT_ORDER, "json", gzipSync(items), gzip), MARKS],
  "Connect, deep JSON": [post(EDIT_ORDER, "json", nested), /nested deeper/],
  "Connect, a number of any length": [post(EDIT_ORDER, "json", digits), /a text of 200000 bytes/],
  "Connect, binary": [post(EDIT_ORDER, "proto", binaryItems), BYTES],
  "Connect, GET": [
    {
      method: "GET",
      path: `${LIST_PRODUCTS}?${new URLSearchParams({
        encoding: "json",
        base64: "1",
        compression: "gzip",
        message: gzipSync(items).toString("base64url"),
      })}`,
    },
    MARKS,
  ],
  "a stream of Connect, JSON": [post(WATCH_STOCK, "connect+json", enveloped(texts)), MARKS],
  "a stream of Connect, JSON in gzip": [
    post(WATCH_STOCK, "connect+json", enveloped(gzipSync(texts), COMPRESSED), {
      "connect-content-encoding": "gzip",
    }),
    MARKS,
  ],
  "a stream of Connect, binary": [post(WATCH_STOCK, "connect+proto", enveloped(binaryTexts)), BYTES],
  "gRPC-Web, JSON": [post(EDIT_ORDER, "grpc-web+json", enveloped(items)), MARKS],
  "gRPC-Web, binary": [post(EDIT_ORDER, "grpc-web+proto", enveloped(binaryItems)), BYTES],
  "gRPC, JSON": [post(EDIT_ORDER, "grpc+json", enveloped(items)), MARKS],
  "gRPC, binary": [post(EDIT_ORDER, "grpc", enveloped(binaryItems)), BYTES],
  "gRPC, binary in gzip": [
    post(EDIT_ORDER, "grpc+proto", enveloped(gzipSync(binaryItems), COMPRESSED), grpcGzip),
    BYTES,
  ],
  "a stream of gRPC, binary": [post(WATCH_STOCK, "grpc", enveloped(binaryTexts)), BYTES],
};

for (const [what, [request, names]] of Object.entries(FLOODS)) {
  test(`${what}: what is larger than the rules of a request allow is refused before a message is made of it`, async (t) => {
    const outcome = outcomeOf(await exchangeHttp2(mesh.port("gateway", "http"), request));
    t.like(outcome, { code: "invalid_argument", reason: "INVALID_REQUEST" });
    t.regex(outcome.message, names);
  });
}
