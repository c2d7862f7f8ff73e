import { pino } from "pino";
import { uuidv7 } from "uuidv7";
import { openDatabase } from "#kit/data/database.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import { entities } from "../../services/auth/entities.ts";
import { signingKeys } from "../../services/auth/signing-keys.ts";
import { signAccessToken } from "../../services/auth/tokens.ts";
import { KEY_SECRET, type RunningShop } from "./running-shop.ts";
import { shopDatabase } from "./shop-database.ts";

const TOKEN_MS = 900_000;
const KEY_TIMES = { accessMs: TOKEN_MS, rotateMs: 86_400_000, publishMs: 600_000 };

/**
 * Signs access tokens for new customers with the shop's own key: to register thousands takes minutes,
 * because a password is hashed slowly on purpose.
 *
 * @param shop the shop; somebody must have registered there, so that it has a key
 * @param count how many
 */
export async function signCustomers(shop: RunningShop, count: number): Promise<string[]> {
  return signTokens(
    shop,
    Array.from({ length: count }, () => uuidv7()),
  );
}

/**
 * Signs access tokens with the shop's own key.
 *
 * @param shop the shop; somebody must have registered there, so that it has a key
 * @param ids the accounts
 * @param role what they are
 */
export async function signTokens(
  shop: RunningShop,
  ids: readonly string[],
  role = "customer",
): Promise<string[]> {
  const log = pino({ level: "silent" });
  const url = shopDatabase(shop, "auth");
  const db = openDatabase({ url, entities, migrations: [], poolSize: 1, applicationName: "souk-bench", log });
  try {
    const scope = rootScopes(log, () => ({}) as never)({ timeoutMs: 10_000 });
    const key = await signingKeys(db, KEY_SECRET, KEY_TIMES).current(scope);
    return ids.map((id) => {
      const account = { id, email: `${id}@example.com`, roles: [role], sessionId: uuidv7() };
      return signAccessToken(account, key, TOKEN_MS);
    });
  } finally {
    await db.close();
  }
}
