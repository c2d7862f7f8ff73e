import {
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { ApiKeySchema, ApiKeyService } from "#gen/souk/auth/v1/api_key_pb.ts";
import { AuditRecordSchema } from "#gen/souk/auth/v1/audit_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { GetSignInMethodsResponseSchema } from "#gen/souk/auth/v1/second_factor_pb.ts";
import { SessionSchema } from "#gen/souk/auth/v1/session_pb.ts";
import { MoneySchema } from "#gen/souk/mesh/v1/money_pb.ts";
import { NotificationSchema, NotificationService } from "#gen/souk/notification/v1/notification_pb.ts";
import { GetMyPreferencesResponseSchema } from "#gen/souk/notification/v1/preference_pb.ts";
import { CartSchema, CartService } from "#gen/souk/order/v1/cart_pb.ts";
import { OrderSchema, OrderService } from "#gen/souk/order/v1/order_pb.ts";
import { TimelineEntrySchema } from "#gen/souk/order/v1/timeline_pb.ts";
import { BalanceEntrySchema } from "#gen/souk/payment/v1/gift_card_pb.ts";
import { StoreCreditService } from "#gen/souk/payment/v1/store_credit_pb.ts";
import { ReviewReportSchema, ReviewSchema, ReviewService } from "#gen/souk/product/v1/review_pb.ts";
import { SavedAddressSchema } from "#gen/souk/user/v1/user_pb.ts";
import { UserSchema } from "#gen/souk/user/v1/user_staff_pb.ts";
import type { Scope } from "#kit/scope.ts";
import type { UserDatabase } from "../database.ts";
import { toSavedAddress, toUser } from "../user-message.ts";
import { getUser } from "../users.ts";
import type { ArchiveFile } from "./zip.ts";

/** How much of a list is held at a time; no list of the contracts gives more. */
const PAGE_SIZE = 100;
/** Orders may have 100 lines with texts of any script each, and a message between services 4 MB. */
const ORDERS_AT_ONCE = 5;

/**
 * What the contract of ExportMyData names of what the shop holds about a user, a file for each kind. The other services
 * are asked when a file is read, with the token of the call, and so for what is the user's.
 *
 * @param db user's database
 * @param scope the call, of the user
 * @param userId the user
 */
export function belongings(db: UserDatabase, scope: Scope, userId: string): ArchiveFile[] {
  const auth = scope.mesh(AuthService);
  const orders = scope.mesh(OrderService);
  const credit = scope.mesh(StoreCreditService);
  const notification = scope.mesh(NotificationService);
  return [
    one("profile.json", UserSchema, async () => toUser((await getUser(db, userId)).user)),
    list("addresses.json", SavedAddressSchema, async () => [
      (await getUser(db, userId)).addresses.map(toSavedAddress),
    ]),
    one("sign-in.json", GetSignInMethodsResponseSchema, () => auth.getSignInMethods({})),
    list("sessions.json", SessionSchema, async () => [(await auth.listSessions({})).sessions]),
    list("ended-sessions.json", SessionSchema, async (page) => {
      const { sessions, nextPageToken } = await auth.listEndedSessions(page);
      return [sessions, nextPageToken];
    }),
    list("api-keys.json", ApiKeySchema, async (page) => {
      const { keys, nextPageToken } = await scope.mesh(ApiKeyService).listApiKeys(page);
      return [keys, nextPageToken];
    }),
    list("activity.json", AuditRecordSchema, async (page) => {
      const { records, nextPageToken } = await auth.listMyActivity(page);
      return [records, nextPageToken];
    }),
    one("cart.json", CartSchema, async () => (await scope.mesh(CartService).getCart({})).cart ?? {}),
    list("orders.json", OrderSchema, async ({ pageToken }) => {
      const { orders: found, nextPageToken } = await orders.listMyOrders({
        pageSize: ORDERS_AT_ONCE,
        pageToken,
      });
      return [found, nextPageToken];
    }),
    list("order-notes.json", TimelineEntrySchema, async (page) => {
      const { notes, nextPageToken } = await orders.listCustomerNotes({ ...page, customerId: userId });
      return [notes, nextPageToken];
    }),
    list("store-credit.json", MoneySchema, async () => [(await credit.getMyStoreCredit({})).balances]),
    list("store-credit-entries.json", BalanceEntrySchema, async (page) => {
      const { entries, nextPageToken } = await credit.listMyStoreCreditEntries(page);
      return [entries, nextPageToken];
    }),
    list("reviews.json", ReviewSchema, async (page) => {
      const { reviews, nextPageToken } = await scope.mesh(ReviewService).listMyReviews(page);
      return [reviews, nextPageToken];
    }),
    list("review-reports.json", ReviewReportSchema, async (page) => {
      const { reports, nextPageToken } = await scope.mesh(ReviewService).listMyReviewReports(page);
      return [reports, nextPageToken];
    }),
    list("notifications.json", NotificationSchema, async (page) => {
      const { notifications, nextPageToken } = await notification.listMyNotifications(page);
      return [notifications, nextPageToken];
    }),
    one("preferences.json", GetMyPreferencesResponseSchema, () => notification.getMyPreferences({})),
  ];
}

/** Gives a page of a list, and where to go on. */
type ReadPage<D extends DescMessage> = (page: {
  readonly pageSize: number;
  readonly pageToken: string;
}) => Promise<readonly [messages: readonly MessageInitShape<D>[], nextPageToken?: string]>;

function one<D extends DescMessage>(
  name: string,
  schema: D,
  read: () => Promise<MessageInitShape<D>>,
): ArchiveFile {
  async function* content() {
    yield print(schema, await read());
  }
  return { name, content: content() };
}

function list<D extends DescMessage>(name: string, schema: D, read: ReadPage<D>): ArchiveFile {
  async function* content() {
    let pageToken = "";
    let separator = "[";
    do {
      const [messages, nextPageToken = ""] = await read({ pageSize: PAGE_SIZE, pageToken });
      for (const message of messages) {
        yield `${separator}\n${print(schema, message)}`;
        separator = ",";
      }
      pageToken = nextPageToken;
    } while (pageToken !== "");
    yield separator === "[" ? "[]\n" : "\n]\n";
  }
  return { name, content: content() };
}

function print<D extends DescMessage>(schema: D, message: MessageInitShape<D>): string {
  return JSON.stringify(toJson(schema, create(schema, message) as MessageShape<D>), undefined, 1);
}
