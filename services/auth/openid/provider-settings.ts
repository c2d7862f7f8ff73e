import { isIP } from "node:net";
import { makeValidator } from "envalid";
import { parseJson } from "#kit/config.ts";

/** How the shop knows an outside OpenID provider. */
export interface ProviderSettings {
  /** Under which it stands in requests, for example "google". */
  readonly id: string;
  readonly displayName: string;
  /** Its address, from which everything else is found (OpenID Connect Discovery 1.0). */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Whether its word counts for who owns an e-mail address. */
  readonly trustEmail: boolean;
}

/** A setting that holds OpenID providers as JSON. */
export const openIdProviders = makeValidator<readonly ProviderSettings[]>((input) => {
  const list = parseJson(input);
  if (!Array.isArray(list)) throw new Error("must be a JSON list");
  const providers = list.map(readProvider);
  if (new Set(providers.map(({ id }) => id)).size < providers.length) throw new Error("names an id twice");
  return providers;
});

function readProvider(entry: unknown): ProviderSettings {
  if (typeof entry !== "object" || entry === null) throw new Error("must be a list of objects");
  const given = entry as Record<string, unknown>;
  const text = (name: string): string => {
    const value = given[name];
    if (typeof value !== "string" || value === "") throw new Error(`needs a text "${name}" in each entry`);
    return value;
  };
  const id = text("id");
  if (!/^[a-z0-9-]{1,50}$/.test(id)) throw new Error(`has the id "${id}"; use a-z, 0-9 and -`);
  const issuer = new URL(text("issuer"));
  if (issuer.protocol !== "https:" && !isLoopback(issuer)) {
    throw new Error(`has the issuer ${issuer.href}; it must begin with https://`);
  }
  return {
    id,
    displayName: text("displayName"),
    issuer: issuer.href,
    clientId: text("clientId"),
    clientSecret: text("clientSecret"),
    trustEmail: given["trustEmail"] === true,
  };
}

/** Whether nothing that is sent there leaves this machine. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || (isIP(hostname) === 4 && hostname.startsWith("127."));
}
