import { jsonText, milliseconds, type Settings, secret } from "#kit/config.ts";

/** The settings of auth. */
export const authSettings = {
  AUTH_SERVICE_KEY: jsonText({ desc: "Private key of the auth service, as a JSON Web Key (ES256)" }),
  AUTH_KEY_SECRET: secret({
    desc: "Secret, 32 characters or more, under which signing keys are encrypted in the database",
  }),
  AUTH_ACCESS_TOKEN_MS: milliseconds({ default: 15 * 60_000, desc: "How long an access token is good for" }),
  AUTH_REFRESH_TOKEN_MS: milliseconds({
    default: 30 * 24 * 3_600_000,
    desc: "How long a refresh token is good for",
  }),
} satisfies Settings;
