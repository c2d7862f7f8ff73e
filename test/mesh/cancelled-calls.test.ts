import { connect } from "node:net";
import test, { type ExecutionContext } from "ava";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { Code, SoukError } from "#kit/error.ts";
import { gateway } from "../../services/gateway/program.ts";
import { startTestMesh } from "../mesh.ts";
import { startTestEnvoy } from "./envoy-program.ts";
import { type Caller, joinAsCaller, serving, startTestService } from "./envoy-service.ts";

/** More than twice what Node and Envoy let a client cancel at once when nobody tells them otherwise. */
const CANCELLED = 2_500;
/** More than any client may cancel before it is cut off, however slow this machine is. */
const ATTACK = 120_000;

const reading = serving(ProductService, {
  getProduct: (_, { signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  listCategories: async () => ({ categories: [{ products: 7n }] }),
});

// One at a time: an attack takes the whole process.
test.serial("direct: a client that cancelled thousands of calls is served on", async (t) => {
  const port = await startTestService(t, reading);
  await cancelMany(t, joinAsCaller(t, `127.0.0.1:${port}`));
});

test.serial("envoy: a client that cancelled thousands of calls is served on", async (t) => {
  const envoy = await startTestEnvoy(t, { product: [await startTestService(t, reading)] });
  if (envoy === undefined) return;
  await cancelMany(t, joinAsCaller(t, envoy.meshAddress));
});

test.serial(
  "a service cuts off whoever opens calls only to cancel them, and serves the others on",
  async (t) => {
    const port = await startTestService(t, reading);
    const { listCategories } = joinAsCaller(t, `127.0.0.1:${port}`)(ProductService);
    await listCategories({});
    await attack(t, port, "/souk.product.v1.ProductService/GetProduct");
    t.is((await listCategories({})).categories.length, 1);
  },
);

test.serial(
  "the gateway cuts off whoever opens calls only to cancel them, and serves the others on",
  async (t) => {
    const mesh = await startTestMesh(t, [gateway]);
    const port = mesh.port("gateway", "http");
    await attack(t, port, "/nothing");
    t.is((await fetch(`http://127.0.0.1:${port}/nothing`)).status, 404);
  },
);

async function cancelMany(t: ExecutionContext, caller: Caller): Promise<void> {
  await caller(ProductService).listCategories({});
  for (let left = CANCELLED; left > 0; left -= 100) {
    const client = caller(ProductService);
    const hangUp = new AbortController();
    const calls = Array.from({ length: 100 }, () =>
      client.getProduct({ by: { case: "slug", value: "x" } }, { signal: hangUp.signal }),
    );
    // The answer to a later call tells that those before it have arrived.
    const other = await client.listCategories({});
    t.is(other.categories.length, 1);
    hangUp.abort();
    const endings = await Promise.all(calls.map((call) => call.catch((error: SoukError) => error)));
    t.true(endings.every((ending) => ending instanceof SoukError && ending.code === Code.CANCELLED));
  }
  t.is((await caller(ProductService).listCategories({})).categories.length, 1);
}

/** Writes nothing but the beginnings of calls and their ends (RFC 9113, 6), until the connection is closed. */
async function attack(t: ExecutionContext, port: number, path: string): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.on("error", () => {});
  socket.resume();
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(http2Frame(SETTINGS, 0, 0));
  const headers = headerBlock(path);
  for (let sent = 0; sent < ATTACK && !socket.destroyed; sent += 1_000) {
    const frames = Array.from({ length: 1_000 }, (_, n) => {
      const stream = (sent + n) * 2 + 1;
      return [http2Frame(HEADERS, END_HEADERS, stream, headers), http2Frame(RST_STREAM, 0, stream, CANCEL)];
    });
    if (socket.write(Buffer.concat(frames.flat()))) continue;
    await new Promise<void>((resolve) => {
      socket.once("drain", resolve);
      socket.once("close", resolve);
    });
  }
  t.true(socket.destroyed, `${ATTACK} calls were cancelled, and the connection stands`);
}

const [HEADERS, RST_STREAM, SETTINGS] = [1, 3, 4];
const END_HEADERS = 4;
const CANCEL = Buffer.from([0, 0, 0, 8]);

function http2Frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The headers of a gRPC call, without compression (RFC 7541, 6.2.2). */
function headerBlock(path: string): Buffer {
  const headers = {
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "shop",
    "content-type": "application/grpc",
    te: "trailers",
  };
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}
