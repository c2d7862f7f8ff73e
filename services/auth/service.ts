import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { ApiKeyService } from "#gen/souk/auth/v1/api_key_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { file_souk_auth_v1_events } from "#gen/souk/auth/v1/events_pb.ts";
import { OpenIdService } from "#gen/souk/auth/v1/openid_pb.ts";
import { AuditRecordedSchema } from "#gen/souk/mesh/v1/audit_pb.ts";
import { on } from "#kit/events/subscription.ts";
import type { PublicJwk } from "#kit/identity/authenticator.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { auditAppender } from "./audit/append.ts";
import { authSettings } from "./config.ts";
import { entities } from "./entities.ts";
import { migrations } from "./migrations/index.ts";
import { auditRpc } from "./rpc/audit.ts";
import { authRpc } from "./rpc/auth.ts";
import { signingKeys } from "./signing-keys.ts";

/** Accounts, sign-in and tokens. */
export const auth = defineService({
  name: "auth",
  port: 3001,
  settings: authSettings,
  data: { entities, migrations },
  events: [file_souk_auth_v1_events],
  serve({ db, settings }) {
    const keys = signingKeys(db, settings.AUTH_KEY_SECRET);
    const lifetimes = {
      accessMs: settings.AUTH_ACCESS_TOKEN_MS,
      refreshMs: settings.AUTH_REFRESH_TOKEN_MS,
    };
    return [
      implement(AuthService, authRpc({ db, keys, lifetimes }), [
        "completeLogin",
        "verifyEmail",
        "sendVerificationEmail",
        "logoutEverywhere",
        "listSessions",
        "revokeSession",
        "changePassword",
        "requestPasswordReset",
        "resetPassword",
        "getSignInMethods",
        "enrollTotp",
        "confirmTotp",
        "disableTotp",
        "regenerateRecoveryCodes",
      ]),
      implement(AccessService, auditRpc(db), [
        "listPermissions",
        "listRoles",
        "createRole",
        "updateRole",
        "deleteRole",
        "grantRole",
        "revokeRole",
        "listAccounts",
        "getAccount",
        "disableAccount",
        "enableAccount",
      ]),
      implement(ApiKeyService, {}, ["createApiKey", "listApiKeys", "revokeApiKey", "exchangeApiKey"]),
      implement(OpenIdService, {}, [
        "listOpenIdProviders",
        "startOpenIdLogin",
        "completeOpenIdLogin",
        "startOpenIdLink",
        "completeOpenIdLink",
        "unlinkIdentity",
      ]),
    ];
  },
  consumes: [AuditRecordedSchema],
  consume: ({ settings }) => [on(AuditRecordedSchema, auditAppender(settings.AUTH_SERVICE_KEY as PublicJwk))],
});
