import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import type { Teardown } from "../stores.ts";

/** Where the provider sends browsers back to. */
export const CALLBACK = "https://shop.example/signed-in";

/** What the provider tells of somebody. */
export interface Told {
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly given_name?: string;
  readonly family_name?: string;
  readonly name?: string;
}

/** What a browser came back with. */
export interface CameBack {
  readonly state: string;
  readonly code: string;
  readonly issuer: string;
}

/** A real OpenID provider on loopback. */
export interface TestProvider {
  readonly issuer: string;
  /** The setting that makes auth know it: as "trusted", whose word counts for addresses, and as "loose". */
  readonly setting: string;
  /** Makes somebody known to it. */
  knows(subject: string, told: Told): void;
  /** Goes the way of a browser: to the address, through the sign-in as somebody, and back. */
  browse(authorizationUri: string, subject: string): Promise<CameBack>;
  stop(): Promise<void>;
}

const CLIENTS = ["trusted", "loose"];

/** Starts a provider. */
export async function startProvider(t: Teardown): Promise<TestProvider> {
  const people = new Map<string, Told>();
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = makeProvider(issuer, people);
  const answer = provider.callback();
  server.on("request", async (request, response) => {
    if (!request.url?.startsWith("/interaction/")) return answer(request, response);
    const { params } = await provider.interactionDetails(request, response);
    const accountId = String(params["login_hint"]);
    await provider.interactionFinished(request, response, { login: { accountId } });
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    return stopped;
  };
  t.teardown(stop);
  return {
    issuer,
    setting: JSON.stringify(
      CLIENTS.map((id) => ({
        id,
        displayName: `The ${id} one`,
        issuer,
        clientId: id,
        clientSecret: `secret of ${id}`,
        trustEmail: id === "trusted",
      })),
    ),
    knows: (subject, told) => void people.set(subject, told),
    browse,
    stop,
  };
}

function makeProvider(issuer: string, people: ReadonlyMap<string, Told>): Provider {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const provider: Provider = new Provider(issuer, {
    clients: CLIENTS.map((id) => ({
      client_id: id,
      client_secret: `secret of ${id}`,
      redirect_uris: [CALLBACK],
    })),
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig" }] },
    cookies: { keys: [randomBytes(16).toString("hex")] },
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: ["given_name", "family_name", "name"],
    },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    ttl: {
      Interaction: 600,
      Grant: 600,
      Session: 600,
      AccessToken: 600,
      IdToken: 600,
      AuthorizationCode: 60,
    },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: async (_, accountId) => ({
      accountId,
      claims: async () => ({ sub: accountId, ...people.get(accountId) }),
    }),
    // Nobody is asked whether the shop may know what it asks for.
    async loadExistingGrant({ oidc }) {
      const { clientId } = oidc.client ?? {};
      const { accountId } = oidc.session ?? {};
      if (clientId === undefined || accountId === undefined) return undefined;
      const grant = new provider.Grant({ clientId, accountId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  return provider;
}

async function browse(authorizationUri: string, subject: string): Promise<CameBack> {
  let at = new URL(authorizationUri);
  at.searchParams.set("login_hint", subject);
  const cookies = new Map<string, string>();
  while (!at.href.startsWith(CALLBACK)) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(at, { redirect: "manual", headers: { cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      cookies.set(name, value);
    }
    const location = answer.headers.get("location");
    if (location === null) throw new Error(`the provider sent nobody on: ${await answer.text()}`);
    at = new URL(location, at);
  }
  const told = (name: string) => at.searchParams.get(name) ?? "";
  return { state: told("state"), code: told("code"), issuer: told("iss") };
}
