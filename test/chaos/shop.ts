import { randomUUID } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import pg from "pg";
import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { type Order, OrderService, OrderState } from "#gen/souk/order/v1/order_pb.ts";
import { serviceNameOf } from "#kit/contract.ts";
import { openDatabase } from "#kit/data/database.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import type { Breakers } from "#kit/mesh/breakers.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { createMesh } from "#kit/mesh/create-mesh.ts";
import { grpcTransport } from "#kit/mesh/grpc-transport.ts";
import { localTransport } from "#kit/mesh/local-transport.ts";
import type { Transport } from "#kit/mesh/transport.ts";
import type { Program } from "#kit/program.ts";
import type { Dispatcher } from "#kit/rpc/dispatch.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import { start } from "#kit/run.ts";
import { entities as authEntities } from "../../services/auth/entities.ts";
import { auth } from "../../services/auth/service.ts";
import { signingKeys } from "../../services/auth/signing-keys.ts";
import { signAccessToken } from "../../services/auth/tokens.ts";
import { inventory } from "../../services/inventory/service.ts";
import { notification } from "../../services/notification/service.ts";
import { order } from "../../services/order/service.ts";
import { payment } from "../../services/payment/service.ts";
import { product } from "../../services/product/service.ts";
import { type Identity, testEnvironment } from "../mesh.ts";
import type { Teardown } from "../stores.ts";
import { insist } from "./insist.ts";
import { offer } from "./offer.ts";

const SERVICES = [auth, product, inventory, payment, order, notification];

/** Somebody with an account. */
export interface Customer {
  readonly id: string;
  readonly email: string;
  readonly accessToken: string;
}

/** How a shop differs from the usual. */
export interface ShopOptions {
  /** The services that the test starts itself. */
  readonly apart?: readonly string[];
  /** More settings. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A shop that a test breaks. */
export interface Shop {
  /** The settings of a service that the test starts itself. */
  env(more?: Readonly<Record<string, string>>): Record<string, string>;
  /** Where services are, as "host:port"; what the test starts itself it enters itself. */
  readonly addresses: Map<string, string>;
  /** Starts programs in this process that reach all others over sockets. */
  start(programs: readonly Program[], env?: Readonly<Record<string, string>>): Promise<void>;
  /** Calls a service over a socket; nothing repeats the call. */
  call<S extends DescService>(service: S, identity: Identity, address?: string): MeshClient<S>;
  /** Calls a service of the test's process as those call each other: without a socket, through all policies. */
  callHere<S extends DescService>(service: S, identity: Identity): MeshClient<S>;
  /** Calls what every service serves, at one of them, as the operator. */
  operate<S extends DescService>(service: S, program: string): MeshClient<S>;
  /** What a service says of its readiness: whether it is, and which dependencies are there. */
  ready(program: string): Promise<{ ready: boolean; dependencies: Readonly<Record<string, boolean>> }>;
  /** Makes somebody who can sign in. */
  customer(): Customer;
  /** Puts new variants on sale, each with this much stock, and gives their ids. */
  offer(stock: number, variants?: number): Promise<string[]>;
  /** Asks the database of a service, or the one with a URL. */
  ask<Row extends object>(database: string, sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

/**
 * Opens a shop of real services. Those of the test's process need no socket to each other.
 *
 * @param t the test after which it is closed
 * @param options how it differs from the usual
 */
export async function openShop(t: Teardown, { apart = [], env: more = {} }: ShopOptions = {}): Promise<Shop> {
  const env = {
    ...(await testEnvironment(t, SERVICES)),
    NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1",
    ...more,
  };
  const sign = await signer(env);
  const dispatchers = new Map<string, Dispatcher>();
  const calls = openLine(t, env, dispatchers);
  const ask = openArchive(t, env);
  const addresses = new Map<string, string>();
  const operations = new Map<string, number | undefined>();

  async function run(programs: readonly Program[], own: Record<string, string>): Promise<void> {
    const running = await start(programs.map(tellingOf(dispatchers)), own);
    t.teardown(() => running.stop());
    for (const { name, ports } of running.programs) {
      addresses.set(name, `127.0.0.1:${ports["grpc"]}`);
      operations.set(name, ports["operations"]);
    }
  }

  await run(
    SERVICES.filter(({ name }) => !apart.includes(name)),
    env,
  );

  const shop: Shop = {
    addresses,
    env(own) {
      const directory = [...addresses].map(([name, address]) => `${name}=${address}`).join();
      return { ...env, SOUK_DATA_PLANE: "direct", SOUK_MESH_DIRECTORY: directory, ...own };
    },
    start: (programs, own) => run(programs, shop.env(own)),
    call: (service, identity, address) =>
      calls(service, identity, address ?? (addresses.get(serviceNameOf(service)) as string)),
    callHere: (service, identity) => calls(service, identity, HERE),
    operate: (service, program) => calls(service, { caller: "operator" }, addresses.get(program) as string),
    async ready(program) {
      const answer = await fetch(`http://127.0.0.1:${operations.get(program)}/health/ready`);
      const { dependencies } = (await answer.json()) as { dependencies: { name: string; ok: boolean }[] };
      return {
        ready: answer.ok,
        dependencies: Object.fromEntries(dependencies.map(({ name, ok }) => [name, ok])),
      };
    },
    customer() {
      const id = uuidv7();
      const email = `${id}@example.com`;
      return { id, email, accessToken: sign(id, email) };
    },
    offer: (stock, variants = 1) => offer(shop.call, stock, variants),
    ask,
  };
  return shop;
}

/** Has a program tell which programs run in its process. */
function tellingOf(dispatchers: Map<string, Dispatcher>) {
  return (program: Program): Program => ({
    ...program,
    async start(host) {
      const running = await program.start(host);
      for (const [name, dispatcher] of host.dispatchers) dispatchers.set(name, dispatcher);
      return running;
    },
  });
}

const KEY_TIMES = { accessMs: 900_000, rotateMs: 86_400_000, publishMs: 600_000 };

/** Signs access tokens as auth does, so that a hundred customers cost no hundred password hashes. */
async function signer(env: Readonly<Record<string, string>>) {
  const log = pino({ level: "silent" });
  const url = env["AUTH_DATABASE_URL"] as string;
  const db = openDatabase({
    url,
    entities: authEntities,
    migrations: [],
    poolSize: 1,
    applicationName: "test",
    log,
  });
  const scope = rootScopes(log, () => {
    throw new Error("signing calls no service");
  })({ timeoutMs: 30_000 });
  const key = await signingKeys(db, env["AUTH_KEY_SECRET"] as string, KEY_TIMES).current(scope);
  await db.close();
  return (id: string, email: string) =>
    signAccessToken({ id, email, roles: ["customer"], sessionId: id }, key, KEY_TIMES.accessMs);
}

/** Nothing stands between a test and what it tests. */
const NO_BREAKERS: Pick<Breakers, "guard"> = { guard: (_, run) => run() };

/** The address of what runs in the test's process. */
const HERE = "here";

/** Makes the function that calls services as anybody, with one connection a contract and address. */
function openLine(
  t: Teardown,
  env: Readonly<Record<string, string>>,
  dispatchers: ReadonlyMap<string, Dispatcher>,
) {
  const here = localTransport((contract) => dispatchers.get(serviceNameOf(contract)));
  const transports = new Map<string, Transport>([[HERE, here]]);
  t.teardown(async () => {
    for (const transport of transports.values()) transport.close();
  });
  const log = pino({ level: "silent" });
  // Kept, for each token is signed once and serves many calls.
  const tokens = new Map<string, ReturnType<typeof serviceTokens>>();
  const tokenOf = (caller: string) => {
    const known = tokens.get(caller);
    if (known !== undefined) return known;
    const key = JSON.parse(env[`${caller.toUpperCase()}_SERVICE_KEY`] as string);
    const made = serviceTokens(caller, key);
    tokens.set(caller, made);
    return made;
  };
  return <S extends DescService>(service: S, identity: Identity, address: string): MeshClient<S> => {
    let transport = transports.get(address);
    if (transport === undefined) {
      transport = grpcTransport(() => ({ target: `ipv4:${address}` }));
      transports.set(address, transport);
    }
    const token = "caller" in identity ? tokenOf(identity.caller) : undefined;
    const mesh = createMesh(transport, NO_BREAKERS, token);
    const scope = rootScopes(log, mesh)({ timeoutMs: 30_000 });
    const authorization =
      "accessToken" in identity && identity.accessToken !== "" ? `Bearer ${identity.accessToken}` : undefined;
    return mesh(authorization === undefined ? scope : { ...scope, authorization }, service);
  };
}

/** Makes the function that looks into databases. */
function openArchive(t: Teardown, env: Readonly<Record<string, string>>) {
  const pools = new Map<string, pg.Pool>();
  t.teardown(async () => {
    await Promise.all([...pools.values()].map((pool) => pool.end()));
  });
  return async <Row extends object>(
    database: string,
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> => {
    const url = env[`${database.toUpperCase()}_DATABASE_URL`] ?? database;
    let pool = pools.get(url);
    if (pool === undefined) {
      pool = new pg.Pool({ connectionString: url, max: 2 });
      pool.on("error", () => {});
      pools.set(url, pool);
    }
    return (await pool.query(sql, [...values])).rows;
  };
}

/** Where everything is shipped to. */
const ADDRESS = {
  name: "Ada Lovelace",
  line1: "Mühlenweg 4",
  city: "Kiel",
  postalCode: "24103",
  countryCode: "DE",
};

/** How an order is paid beside or with a card. */
export type PlaceMore = { readonly giftCards?: { readonly code: string }[]; readonly returnUri?: string };

/** What a customer does in a shop. */
export interface Visit {
  add(variantId: string, quantity?: bigint, note?: string): Promise<void>;
  /** Orders the cart; the same key again is the same order. What pays beside the card, and where to come back to. */
  place(key: string, token?: string, more?: PlaceMore): Promise<Order>;
  /** Comes back from the payment provider, or gives up. */
  complete(orderId: string, giveUp?: boolean): Promise<Order>;
  cancel(orderId: string): Promise<Order>;
  /** All orders, the newest first. */
  orders(): Promise<Order[]>;
}

/**
 * Lets a customer into a shop.
 *
 * @param shop the shop
 * @param customer who
 * @param address the order service to go to; the shop's when left out
 */
export function visit(shop: Shop, customer: Customer, address?: string): Visit {
  const at = <S extends DescService>(service: S) => shop.call(service, customer, address);
  return {
    async add(variantId, quantity = 1n, note = "") {
      const idempotencyKey = randomUUID();
      await insist(() => at(CartService).addItem({ variantId, quantity, note }, { idempotencyKey }));
    },
    async place(idempotencyKey, token = "tok_visa", more = {}) {
      const request = { shippingAddress: ADDRESS, shippingMethod: "standard", payment: { token }, ...more };
      return (await at(CheckoutService).placeOrder(request, { idempotencyKey })).order as Order;
    },
    async complete(orderId, giveUp = false) {
      return (await at(CheckoutService).completePayment({ orderId, giveUp })).order as Order;
    },
    async cancel(id) {
      return (await at(OrderService).cancelOrder({ id })).order as Order;
    },
    async orders() {
      return (await insist(() => at(OrderService).listMyOrders({}))).orders;
    },
  };
}

/** Whether the newest order of somebody is confirmed, and every attempt before it undone. */
export function isOrderedOnce([newest, ...earlier]: readonly Order[]): boolean {
  return (
    newest?.state === OrderState.CONFIRMED && earlier.every(({ state }) => state === OrderState.CANCELLED)
  );
}
