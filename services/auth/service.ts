import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { authSettings } from "./config.ts";
import { entities } from "./entities.ts";
import { migrations } from "./migrations/index.ts";
import { authRpc } from "./rpc/auth.ts";
import { signingKeys } from "./signing-keys.ts";

/** Accounts, sign-in and tokens. */
export const auth = defineService({
  name: "auth",
  port: 3001,
  settings: authSettings,
  data: { entities, migrations },
  serve({ db, settings }) {
    const keys = signingKeys(db, settings.AUTH_KEY_SECRET);
    const lifetimes = {
      accessMs: settings.AUTH_ACCESS_TOKEN_MS,
      refreshMs: settings.AUTH_REFRESH_TOKEN_MS,
    };
    return [implement(AuthService, authRpc({ db, keys, lifetimes }))];
  },
});
