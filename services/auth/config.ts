import { jsonText, milliseconds, type Settings, secret, str } from "#kit/config.ts";
import { openIdProviders } from "./openid/provider-settings.ts";

const DAY_MS = 24 * 3_600_000;

/** The settings of auth. */
export const authSettings = {
  AUTH_SERVICE_KEY: jsonText({ desc: "Private key of the auth service, as a JSON Web Key (ES256)" }),
  AUTH_KEY_SECRET: secret({
    desc: "Secret, 32 characters or more, under which signing keys and secrets of one-time passwords are encrypted in the database",
  }),
  AUTH_ACCESS_TOKEN_MS: milliseconds({ default: 15 * 60_000, desc: "How long an access token is good for" }),
  AUTH_REFRESH_TOKEN_MS: milliseconds({
    default: 30 * DAY_MS,
    desc: "How long a refresh token is good for",
  }),
  AUTH_KEY_ROTATE_MS: milliseconds({
    default: 30 * DAY_MS,
    desc: "How long a key signs access tokens before the next one does",
  }),
  AUTH_KEY_PUBLISH_MS: milliseconds({
    default: 10 * 60_000,
    desc: "How long a key is published before it signs, so that everybody knows it by then",
  }),
  AUTH_SHOP_NAME: str({ default: "Souk", desc: "What the shop is called in authenticators" }),
  AUTH_OPENID_PROVIDERS: openIdProviders({
    default: [],
    desc: 'OpenID providers with which one can sign in, as a JSON list of {"id", "displayName", "issuer", "clientId", "clientSecret", "trustEmail"}; with trustEmail its word counts for who owns an e-mail address',
  }),
  AUTH_OPENID_REDIRECT_URIS: str({
    default: "",
    desc: "Addresses to which OpenID providers may send browsers back, separated by commas",
  }),
} satisfies Settings;
