import { randomUUID } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { ApiKeyService } from "#gen/souk/auth/v1/api_key_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { OpenIdService } from "#gen/souk/auth/v1/openid_pb.ts";
import { NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { type Order, OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { ReturnReason } from "#gen/souk/order/v1/return_pb.ts";
import { ProductService } from "#gen/souk/product/v1/product_pb.ts";
import { ReviewService } from "#gen/souk/product/v1/review_pb.ts";
import { UserService } from "#gen/souk/user/v1/user_pb.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import { type Call, offer } from "../chaos/offer.ts";
import { eventually } from "../eventually.ts";
import type { TestMesh } from "../mesh.ts";
import { CALLBACK, type TestProvider } from "./auth-openid-provider.ts";

/** Somebody who is signed in, with clients that call as them. */
export type Customer = <S extends DescService>(service: S) => MeshClient<S>;

/** Something that belongs to somebody. */
export interface Belonging {
  /** The fields that name one, as "<service>/<method>.<field>". */
  readonly fields: RegExp;
  /** Makes one that belongs to a customer, and gives its id. */
  make(owner: Customer, variantId: string, staff: Customer): Promise<string>;
  /** Whether it is as it was made; left out where every method tells of one that is not there. */
  isUntouched?(owner: Customer, id: string): Promise<boolean>;
}

const ADDRESS = { name: "Ada L", line1: "1 Way", city: "Kiel", postalCode: "24103", countryCode: "DE" };

/**
 * What belongs to customers, and how to come by one of each.
 *
 * @param provider an OpenID provider that auth knows as "loose"
 */
export const belongings = (provider: TestProvider): Readonly<Record<string, Belonging>> => ({
  "an API key": {
    fields: /^ApiKeyService\/\w+\.id$/,
    async make(owner) {
      const request = { displayName: "nightly", scopes: ["inventory:read"] };
      const { key } = await owner(ApiKeyService).createApiKey(request);
      return key?.id ?? "";
    },
  },
  "a session": {
    fields: /^AuthService\/RevokeSession\.id$/,
    async make(owner) {
      const { sessions } = await owner(AuthService).listSessions({});
      return sessions.find(({ current }) => !current)?.id ?? "";
    },
  },
  "a linked identity": {
    fields: /^OpenIdService\/UnlinkIdentity\.id$/,
    async make(owner) {
      const link = { providerId: "loose", redirectUri: CALLBACK };
      const { authorizationUri } = await owner(OpenIdService).startOpenIdLink(link);
      const back = await provider.browse(authorizationUri, randomUUID());
      const { identity } = await owner(OpenIdService).completeOpenIdLink(back);
      return identity?.id ?? "";
    },
    async isUntouched(owner, id) {
      const { identities } = await owner(AuthService).getSignInMethods({});
      return identities.some((it) => it.id === id);
    },
  },
  "a line of a cart": {
    fields: /^CartService\/.*line_id$/,
    async make(owner, variantId) {
      const { cart } = await owner(CartService).addItem({ variantId, quantity: 1n });
      return cart?.lines[0]?.id ?? "";
    },
    async isUntouched(owner, id) {
      const { cart } = await owner(CartService).getCart({});
      return cart?.lines.some((it) => it.id === id) === true;
    },
  },
  "an order": {
    fields:
      /^OrderService\/(Get|Cancel|Watch)Order\.id$|^OrderService\/(RequestReturn|ListOrderTimeline)\.order_id$|^CheckoutService\/CompletePayment\.order_id$/,
    make: async (owner, variantId) => (await placeOrder(owner, variantId)).id,
  },
  "a line of an order": {
    fields: /^OrderService\/RequestReturn\.items\.line_id$/,
    make: async (owner, variantId) => (await placeOrder(owner, variantId)).lines[0]?.id ?? "",
  },
  "an order that is sent": {
    fields: /^OrderService\/GetInvoice\.order_id$/,
    make: async (owner, variantId, staff) => (await sendOrder(owner, variantId, staff)).id,
  },
  "an invoice of the order that was sent last": {
    fields: /^OrderService\/GetInvoice\.invoice_id$/,
    async make(owner) {
      const { orders } = await owner(OrderService).listMyOrders({});
      return orders.find(({ invoices }) => invoices.length > 0)?.invoices[0]?.id ?? "";
    },
  },
  "a return": {
    fields: /^OrderService\/CancelReturn\.id$/,
    async make(owner, variantId, staff) {
      const { id: orderId, lines } = await sendOrder(owner, variantId, staff);
      const items = [{ lineId: lines[0]?.id ?? "", quantity: 1n, reason: ReturnReason.UNWANTED }];
      const { return: asked } = await owner(OrderService).requestReturn({ orderId, items });
      return asked?.id ?? "";
    },
  },
  "an address": {
    fields: /^UserService\/\w+Address\.id$/,
    async make(owner) {
      const { address } = await eventually(() => owner(UserService).createMyAddress({ address: ADDRESS }));
      return address?.id ?? "";
    },
    async isUntouched(owner, id) {
      const { addresses } = await owner(UserService).listMyAddresses({});
      return addresses.some((it) => it.id === id);
    },
  },
  "a review": {
    fields: /^ReviewService\/\w+MyReview\.id$/,
    async make(owner, variantId) {
      const { reviews } = await owner(ReviewService).listMyReviews({});
      if (reviews[0] !== undefined) return reviews[0].id;
      const { products } = await owner(ProductService).listProducts({ pageSize: 100 });
      const product = products.find(({ variants }) => variants.some(({ id }) => id === variantId));
      const request = { productId: product?.id ?? "", authorName: "Ada L.", stars: 5 };
      return (await owner(ReviewService).createReview(request)).review?.id ?? "";
    },
    async isUntouched(owner, id) {
      const { reviews } = await owner(ReviewService).listMyReviews({});
      return reviews.some((it) => it.id === id);
    },
  },
  "a notification": {
    fields: /^NotificationService\/\w+\.(ids|after_id)$/,
    make: (owner) =>
      eventually(async () => {
        const { notifications } = await owner(NotificationService).listMyNotifications({});
        const unread = notifications.find(({ readTime }) => readTime === undefined);
        if (unread === undefined) throw new Error("there is no notification yet that is not read");
        return unread.id;
      }),
    async isUntouched(owner, id) {
      const { notifications } = await owner(NotificationService).listMyNotifications({});
      return notifications.some((it) => it.id === id && it.readTime === undefined);
    },
  },
});

async function placeOrder(owner: Customer, variantId: string): Promise<Order> {
  await owner(CartService).addItem({ variantId, quantity: 1n });
  const { order } = await owner(CheckoutService).placeOrder(
    { shippingAddress: ADDRESS, shippingMethod: "standard", payment: { token: "tok_visa" } },
    { idempotencyKey: randomUUID() },
  );
  return order as Order;
}

async function sendOrder(owner: Customer, variantId: string, staff: Customer): Promise<Order> {
  const { id: orderId } = await placeOrder(owner, variantId);
  const { order } = await staff(OrderService).shipOrder({ orderId }, { idempotencyKey: randomUUID() });
  return order as Order;
}

/** Fields that name what belongs to nobody in particular: what is on sale, what all can read, and numbers of states. */
export const COMMON =
  /\.(variant_ids?|product_id|provider_id|vat_id)$|^ProductService\/GetProduct\.id$|^ReviewService\/ReportReview\.id$|^UserService\/UpdateMe\.profile\.id$/;

/**
 * Registers a customer, who also holds a permission that an API key can carry and that opens nothing of others, and is
 * signed in elsewhere too.
 *
 * @param mesh the shop
 */
export async function register(mesh: TestMesh): Promise<Customer> {
  const credentials = { email: `${randomUUID()}@example.com`, password: "correct horse battery" };
  const nobody = mesh.withToken(AuthService, "");
  const { user, tokens } = await nobody.register({ ...credentials, firstName: "Ada", lastName: "Lovelace" });
  await nobody.login(credentials);
  await mesh.as(AccessService).grantRole({ accountId: user?.id ?? "", role: "catalogue-manager" });
  return (service) => mesh.withToken(service, tokens?.accessToken ?? "");
}

/**
 * Puts a variant on sale.
 *
 * @param mesh the shop
 */
export async function putOnSale(mesh: TestMesh): Promise<string> {
  const call: Call = (service, identity) =>
    "caller" in identity ? mesh.as(service, identity.caller) : mesh.withToken(service, identity.accessToken);
  const [variantId = ""] = await offer(call, 1_000);
  return variantId;
}
