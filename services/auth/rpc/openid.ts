import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { OpenIdService } from "#gen/souk/auth/v1/openid_pb.ts";
import { requireUser } from "#kit/principal.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import type { AuthContext } from "../context.ts";
import { type StartedFlow, startFlow } from "../openid/flow.ts";
import { completeOpenIdLink, unlinkIdentity } from "../openid/link.ts";
import { completeOpenIdLogin } from "../openid/sign-in.ts";
import { toAccount, toChallenge, toIdentity, toTokens } from "./messages.ts";

/** Serves souk.auth.v1.OpenIdService. */
export function openIdRpc(auth: AuthContext): Implementation<typeof OpenIdService> {
  const { db, providers } = auth;
  return {
    listOpenIdProviders: async () => ({
      providers: providers.all.map(({ id, displayName }) => ({ id, displayName })),
    }),

    startOpenIdLogin: async ({ providerId, redirectUri }, call) =>
      toStarted(await startFlow(db, providers, call, providerId, redirectUri, null)),

    async completeOpenIdLogin(returned, call) {
      const { account, step, accountCreated } = await completeOpenIdLogin(auth, providers, call, returned);
      return {
        user: toAccount(account),
        accountCreated,
        ...(step.challenge === undefined
          ? { tokens: toTokens(step.signedIn) }
          : { challenge: toChallenge(step.challenge) }),
      };
    },

    startOpenIdLink: async ({ providerId, redirectUri }, call) =>
      toStarted(await startFlow(db, providers, call, providerId, redirectUri, requireUser(call).id)),

    async completeOpenIdLink(returned, call) {
      const linked = await completeOpenIdLink(auth, providers, call, requireUser(call).id, returned);
      return { identity: toIdentity(linked) };
    },

    async unlinkIdentity({ id }, call) {
      await unlinkIdentity(auth, call, requireUser(call).id, id);
      return {};
    },
  };
}

function toStarted({ authorizationUri, state, expireTime }: StartedFlow) {
  return { authorizationUri, state, expireTime: timestampFromDate(expireTime) };
}
