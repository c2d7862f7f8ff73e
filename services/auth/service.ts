import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { ApiKeyService } from "#gen/souk/auth/v1/api_key_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { file_souk_auth_v1_events } from "#gen/souk/auth/v1/events_pb.ts";
import { OpenIdService } from "#gen/souk/auth/v1/openid_pb.ts";
import { AuditRecordedSchema } from "#gen/souk/mesh/v1/audit_pb.ts";
import { UserDeletedSchema } from "#gen/souk/user/v1/events_pb.ts";
import { on } from "#kit/events/subscription.ts";
import type { PublicJwk } from "#kit/identity/authenticator.ts";
import { job } from "#kit/jobs/job.ts";
import { implement } from "#kit/rpc/implement.ts";
import { defineService } from "#kit/service.ts";
import { auditAppender } from "./audit/append.ts";
import { authSettings } from "./config.ts";
import { authContext } from "./context.ts";
import { entities } from "./entities.ts";
import { eraseAccount } from "./erase-account.ts";
import { forgetExpired } from "./forget-expired.ts";
import { migrations } from "./migrations/index.ts";
import { sendPasswordResets } from "./reset-password.ts";
import { accessRpc } from "./rpc/access.ts";
import { apiKeyRpc } from "./rpc/api-key.ts";
import { activityRpc, auditRpc } from "./rpc/audit.ts";
import { authRpc } from "./rpc/auth.ts";
import { openIdRpc } from "./rpc/openid.ts";

/** How often it is looked whether it is time for another signing key, in ms, at most. */
const LOOK_AT_KEYS_MS = 60_000;

/** Accounts, sign-in and tokens, and who may do what. */
export const auth = defineService({
  name: "auth",
  port: 3001,
  settings: authSettings,
  data: { entities, migrations },
  events: [file_souk_auth_v1_events],
  serve(resources) {
    const auth = authContext(resources);
    return [
      implement(AuthService, { ...authRpc(auth), ...activityRpc(auth.db) }),
      implement(AccessService, { ...accessRpc(auth), ...auditRpc(auth.db) }),
      implement(ApiKeyService, apiKeyRpc(auth)),
      implement(OpenIdService, openIdRpc(auth)),
    ];
  },
  consumes: [AuditRecordedSchema, UserDeletedSchema],
  consume: ({ settings }) => [
    on(AuditRecordedSchema, auditAppender(settings.AUTH_SERVICE_KEY as PublicJwk)),
    on(UserDeletedSchema, eraseAccount),
  ],
  jobs: (resources) => {
    const { db, keys } = authContext(resources);
    const { AUTH_KEY_PUBLISH_MS } = resources.settings;
    return [
      job({ name: "send-password-resets", everyMs: 1_000, run: (scope) => sendPasswordResets(db, scope) }),
      job({
        name: "rotate-signing-keys",
        everyMs: Math.min(LOOK_AT_KEYS_MS, AUTH_KEY_PUBLISH_MS),
        run: (scope) => keys.rotate(scope),
      }),
      job({ name: "forget-expired", everyMs: 600_000, run: (scope) => forgetExpired(db, scope) }),
    ];
  },
  documents: (resources) => ({
    // RFC 7517; the gateway shows the same to the outside.
    "/.well-known/jwks.json": async (scope) => ({
      keys: await authContext(resources).keys.published(scope),
    }),
  }),
});
