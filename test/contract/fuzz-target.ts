import { randomUUID } from "node:crypto";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import { methodName, policyOf, serviceNameOf } from "#kit/contract.ts";
import type { Code } from "#kit/error.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import { IDEMPOTENCY_KEY_HEADER } from "#kit/policy/idempotency.ts";
import { SERVICE_TOKEN_HEADER } from "#kit/policy/identity.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { offer } from "../chaos/offer.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import type { Teardown } from "../stores.ts";
import { starvedMs } from "./watch-thread.ts";

/** Somebody who sends requests. */
export interface Sender {
  readonly title: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** How a call ended. */
export interface Ending {
  readonly code: Code;
  readonly message: string;
  /** How long it took, in ms. */
  readonly ms: number;
  /** How much of that this process could have worked and was kept waiting for a processor, in ms. */
  readonly starvedMs: number;
}

/** A shop in which something is going on, and raw connections to all of its services. */
export interface Target {
  /** Ids of things that there are. */
  readonly ids: readonly string[];
  /** Everybody who may try to call a method; the last one may. */
  sendersOf(method: DescMethod): Sender[];
  /** Sends bytes as a request, whatever they are. */
  send(method: DescMethod, sender: Sender | undefined, request: Uint8Array): Promise<Ending>;
}

/** A stream that goes on has answered after so long. */
const STREAM_MS = 200;

/**
 * Starts the shop in this process, with a customer who ordered.
 *
 * @param t what it stops after
 */
export async function openTarget(t: Teardown): Promise<Target> {
  const mesh = await startTestMesh(t, servicePrograms, {
    inTime: true,
    // Whoever's session a request ends, or whatever role it takes, the others shall be looked at all the same.
    env: { NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1", SOUK_ACCESS_POLL_MS: "3600000" },
  });
  const customer = await register(mesh);
  const ids = await liveIn(mesh, customer);
  const clients = new Map<string, Client>();
  t.teardown(async () => {
    for (const client of clients.values()) client.close();
  });
  const clientOf = ({ parent }: DescMethod) => {
    const service = parent === OperationsService ? "order" : serviceNameOf(parent);
    const address = `127.0.0.1:${mesh.port(service)}`;
    const client = clients.get(address) ?? new Client(address, credentials.createInsecure());
    clients.set(address, client);
    return client;
  };
  return {
    ids,
    sendersOf: (method) => sendersOf(mesh, customer, method),
    send: (method, sender, request) => send(clientOf(method), method, sender?.headers ?? {}, request),
  };
}

function sendersOf(mesh: TestMesh, customer: string, method: DescMethod): Sender[] {
  const { access } = policyOf(method);
  const user = { title: "a customer", headers: { authorization: `Bearer ${customer}` } };
  const operator = {
    title: "an operator",
    headers: { authorization: `Bearer ${tokenOf(mesh, "operator")}` },
  };
  const callers = access.callers.map((name) => ({
    title: `the service ${name}`,
    headers: { [SERVICE_TOKEN_HEADER]: tokenOf(mesh, name) },
  }));
  const entitled = access.permission !== "" ? [operator] : [user];
  return [{ title: "nobody", headers: {} }, user, operator, ...(callers.length > 0 ? callers : entitled)];
}

function tokenOf(mesh: TestMesh, service: string): string {
  return serviceTokens(service, JSON.parse(mesh.env[`${service.toUpperCase()}_SERVICE_KEY`] as string))();
}

async function register(mesh: TestMesh): Promise<string> {
  const { tokens } = await mesh.withToken(AuthService, "").register({
    email: "ada@example.com",
    password: "correct horse battery",
    firstName: "Ada",
    lastName: "Lovelace",
  });
  return tokens?.accessToken ?? "";
}

/** What the customer has after a while: an order, a cart, an address, and things that are on sale. */
async function liveIn(mesh: TestMesh, customer: string): Promise<string[]> {
  const call = <S extends DescService>(service: S, identity: { caller: string } | { accessToken: string }) =>
    "caller" in identity ? mesh.as(service, identity.caller) : mesh.withToken(service, identity.accessToken);
  const ada = { accessToken: customer };
  const variants = await offer(call, 1_000, 2);
  const [variantId = ""] = variants;
  await call(CartService, ada).addItem({ variantId, quantity: 1n });
  const address = { name: "Ada L", line1: "1 Way", city: "Kiel", postalCode: "24103", countryCode: "DE" };
  const { order } = await call(CheckoutService, ada).placeOrder(
    { shippingAddress: address, shippingMethod: "standard", payment: { token: "tok_visa" } },
    { idempotencyKey: "k1" },
  );
  const { cart } = await call(CartService, ada).addItem({ variantId, quantity: 1n });
  const saved = await eventually(() => call(UserService, ada).createMyAddress({ address }));
  const told = await eventually(async () => {
    const { notifications } = await call(NotificationService, ada).listMyNotifications({});
    if (notifications.length < 2) throw new Error("the customer was not told of the order");
    return notifications;
  });
  return [
    ...variants,
    order?.id ?? "",
    order?.paymentId ?? "",
    cart?.lines[0]?.id ?? "",
    saved.address?.id ?? "",
    ...told.map(({ id }) => id),
  ];
}

function send(
  client: Client,
  method: DescMethod,
  headers: Readonly<Record<string, string>>,
  request: Uint8Array,
): Promise<Ending> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries({ ...headers, [IDEMPOTENCY_KEY_HEADER]: randomUUID() })) {
    metadata.set(name, value);
  }
  const path = `/${methodName(method)}`;
  const startedAt = performance.now();
  const starvedAt = starvedMs();
  const options = { deadline: Date.now() + policyOf(method).timeoutMs };
  const bytes = Buffer.from(request);
  return new Promise((resolve) => {
    const end = (code: number, message: string) =>
      resolve({
        code: code as Code,
        message,
        ms: performance.now() - startedAt,
        starvedMs: starvedMs() - starvedAt,
      });
    const done = (error: ServiceError | null) => end(error?.code ?? 0, error?.details ?? "");
    switch (method.methodKind) {
      case "unary":
        client.makeUnaryRequest(path, asIs, asIs, bytes, metadata, options, done);
        break;
      case "client_streaming":
        client.makeClientStreamRequest(path, asIs, asIs, metadata, options, done).end(bytes);
        break;
      case "server_streaming":
        watch(client.makeServerStreamRequest(path, asIs, asIs, bytes, metadata, options), end);
        break;
      case "bidi_streaming": {
        const stream = client.makeBidiStreamRequest(path, asIs, asIs, metadata, options);
        watch(stream, end);
        stream.end(bytes);
      }
    }
  });
}

/** A stream of answers has come to its end, has begun, or goes on in silence. */
function watch(
  stream: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>,
  end: (code: number, message: string) => void,
): void {
  const leave = () => {
    end(0, "");
    stream.cancel();
  };
  const timer = setTimeout(leave, STREAM_MS);
  stream.on("data", leave);
  stream.on("error", () => {});
  stream.on("status", ({ code, details }: StatusObject) => {
    clearTimeout(timer);
    end(code, details);
  });
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
