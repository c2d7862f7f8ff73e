import type { CleanedEnv } from "envalid";
import { type Seal, sealUnder } from "#kit/data/seal.ts";
import type { Resources } from "#kit/service.ts";
import type { authSettings } from "./config.ts";
import type { AuthDatabase } from "./database.ts";
import type { entities } from "./entities.ts";
import { openIdProviderClients, type Providers } from "./openid/providers.ts";
import { type SigningKeys, signingKeys } from "./signing-keys.ts";
import type { TokenLifetimes } from "./tokens.ts";

/** What auth is given to work with. */
export type AuthResources = Resources<typeof authSettings, typeof entities>;

/** What signing in works with. */
export interface AuthContext {
  readonly db: AuthDatabase;
  readonly keys: SigningKeys;
  readonly lifetimes: TokenLifetimes;
  /** Encrypts the secrets of one-time passwords. */
  readonly seal: Seal;
  readonly providers: Providers;
  /** What the shop is called in authenticators. */
  readonly shopName: string;
}

const contexts = new WeakMap<AuthDatabase, AuthContext>();

/** What signing in works with; the same for all that one service is made of. */
export function authContext({ db, settings }: Pick<AuthResources, "db" | "settings">): AuthContext {
  let context = contexts.get(db);
  if (context === undefined) {
    context = makeContext(db, settings);
    contexts.set(db, context);
  }
  return context;
}

function makeContext(db: AuthDatabase, settings: CleanedEnv<typeof authSettings>): AuthContext {
  const secret = settings.AUTH_KEY_SECRET;
  const accessMs = settings.AUTH_ACCESS_TOKEN_MS;
  const redirectUris = settings.AUTH_OPENID_REDIRECT_URIS.split(",").map((uri) => uri.trim());
  return {
    db,
    keys: signingKeys(db, secret, {
      accessMs,
      rotateMs: settings.AUTH_KEY_ROTATE_MS,
      publishMs: settings.AUTH_KEY_PUBLISH_MS,
    }),
    lifetimes: { accessMs, refreshMs: settings.AUTH_REFRESH_TOKEN_MS },
    seal: sealUnder(secret, "souk/auth/second-factor"),
    providers: openIdProviderClients(
      settings.AUTH_OPENID_PROVIDERS,
      new Set(redirectUris.filter((uri) => uri !== "")),
    ),
    shopName: settings.AUTH_SHOP_NAME,
  };
}
