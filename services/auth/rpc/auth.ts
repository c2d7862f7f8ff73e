import type { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import type { Implementation } from "#kit/rpc/implement.ts";
import { type AuthContext, login, register, type SignedIn } from "../accounts.ts";
import { logout, refresh } from "../sessions.ts";

/** Serves souk.auth.v1.AuthService. */
export function authRpc(auth: AuthContext) {
  return {
    register: async (request, call) => answer(await register(auth, call, request)),
    login: async ({ email, password }, call) => answer(await login(auth, call, email, password)),
    refresh: async ({ refreshToken }, call) => ({
      tokens: answer(await refresh(auth, call, refreshToken)).tokens,
    }),
    async logout({ refreshToken }, call) {
      await logout(auth, call, refreshToken);
      return {};
    },
    getKeySet: async (_, call) => ({ jwksJson: JSON.stringify({ keys: await auth.keys.published(call) }) }),
  } satisfies Partial<Implementation<typeof AuthService>>;
}

function answer({ user, accessToken, refreshToken, expiresIn }: SignedIn) {
  return {
    user: { id: user.id, email: user.email, roles: [...user.roles] },
    tokens: { accessToken, refreshToken, expiresIn },
  };
}
