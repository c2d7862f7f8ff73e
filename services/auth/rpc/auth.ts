import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { decodePageToken, encodePageToken, UUID } from "#kit/data/page-token.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { changePassword } from "../change-password.ts";
import type { AuthContext } from "../context.ts";
import { register } from "../register.ts";
import { requestPasswordReset, resetPassword } from "../reset-password.ts";
import { confirmTotp, disableTotp, enrollTotp, regenerateRecoveryCodes } from "../second-factor.ts";
import {
  listEndedSessions,
  listSessions,
  logout,
  logoutEverywhere,
  refresh,
  revokeSession,
  type StoredSession,
} from "../sessions.ts";
import { completeLogin, login } from "../sign-in.ts";
import { getSignInMethods } from "../sign-in-methods.ts";
import { sendVerificationEmail, verifyEmail } from "../verify-email.ts";
import { toAccount, toChallenge, toIdentity, toTokens } from "./messages.ts";

const PAGE_SIZE = 20;

/** Serves souk.auth.v1.AuthService, but for what people did. */
export function authRpc(auth: AuthContext) {
  return {
    async register(request, call) {
      const signedIn = await register(auth, call, request);
      return { user: toAccount(signedIn.user), tokens: toTokens(signedIn) };
    },

    async login({ email, password }, call) {
      const { signedIn, challenge } = await login(auth, call, email, password);
      if (challenge !== undefined) return { challenge: toChallenge(challenge) };
      return { user: toAccount(signedIn.user), tokens: toTokens(signedIn) };
    },

    async completeLogin({ challengeToken, factor }, call) {
      const signedIn = await completeLogin(auth, call, challengeToken, factor);
      return { user: toAccount(signedIn.user), tokens: toTokens(signedIn) };
    },

    refresh: async ({ refreshToken }, call) => ({
      tokens: toTokens(await refresh(auth, call, refreshToken)),
    }),

    async logout({ refreshToken }, call) {
      await logout(auth, call, refreshToken);
      return {};
    },

    async logoutEverywhere({ keepCurrent }, call) {
      return { sessionsEnded: await logoutEverywhere(auth, call, requireUser(call), keepCurrent) };
    },

    async listSessions(_, call) {
      const { id, sessionId } = requireUser(call);
      return { sessions: (await listSessions(auth.db, id)).map((it) => toSession(it, sessionId)) };
    },

    async listEndedSessions({ pageSize, pageToken }, call) {
      const { id, sessionId } = requireUser(call);
      const list = `ListEndedSessions ${id}`;
      const limit = pageSize || PAGE_SIZE;
      const [before] = decodePageToken(list, pageToken, [UUID]);
      const sessions = await listEndedSessions(auth.db, id, before, limit);
      const last = sessions.length < limit ? undefined : sessions.at(-1);
      return {
        sessions: sessions.map((it) => ({
          ...toSession(it, sessionId),
          endTime: timestampFromDate(it.end_time ?? it.expire_time),
        })),
        nextPageToken: last === undefined ? "" : encodePageToken(list, [last.id]),
      };
    },

    async revokeSession({ id }, call) {
      await revokeSession(auth, call, requireUser(call).id, id);
      return {};
    },

    getKeySet: async (_, call) => ({ jwksJson: JSON.stringify({ keys: await auth.keys.published(call) }) }),

    verifyEmail: async ({ token }, call) => ({ email: await verifyEmail(auth, call, token) }),

    async sendVerificationEmail(_, call) {
      await sendVerificationEmail(auth, call, requireUser(call).id);
      return {};
    },

    async changePassword({ currentPassword, newPassword }, call) {
      await changePassword(auth, call, requireUser(call), currentPassword, newPassword);
      return {};
    },

    async requestPasswordReset({ email }, call) {
      await requestPasswordReset(auth, call, email);
      return {};
    },

    async resetPassword({ token, newPassword }, call) {
      await resetPassword(auth, call, token, newPassword);
      return {};
    },

    async getSignInMethods(_, call) {
      const methods = await getSignInMethods(auth.db, requireUser(call).id);
      return { ...methods, identities: methods.identities.map(toIdentity) };
    },

    enrollTotp: ({ password }, call) => enrollTotp(auth, call, requireUser(call).id, password),

    confirmTotp: async ({ totpCode }, call) => ({
      recoveryCodes: await confirmTotp(auth, call, requireUser(call).id, totpCode),
    }),

    async disableTotp({ factor }, call) {
      await disableTotp(auth, call, requireUser(call).id, factor);
      return {};
    },

    regenerateRecoveryCodes: async ({ totpCode }, call) => ({
      recoveryCodes: await regenerateRecoveryCodes(auth, call, requireUser(call).id, totpCode),
    }),
  } satisfies Partial<Implementation<typeof AuthService>>;
}

function toSession(stored: StoredSession, current: string) {
  return {
    id: stored.id,
    ipAddress: stored.ip_address ?? "",
    userAgent: stored.user_agent ?? "",
    createTime: timestampFromDate(stored.create_time),
    lastUseTime: timestampFromDate(stored.last_use_time),
    expireTime: timestampFromDate(stored.expire_time),
    current: stored.id === current,
  };
}
