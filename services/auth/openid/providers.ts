import { allowInsecureRequests, ClientSecretBasic, type Configuration, discovery } from "openid-client";
import { ErrorReason, refuse } from "../errors.ts";
import { isLoopback, type ProviderSettings } from "./provider-settings.ts";

/** A provider that was found at its address. */
export interface Provider {
  readonly settings: ProviderSettings;
  readonly client: Configuration;
}

/** The outside OpenID providers with which one can sign in. */
export interface Providers {
  /** In the order of the settings. */
  readonly all: readonly ProviderSettings[];
  /**
   * @param id the provider
   * @throws SoukError OPENID_PROVIDER_NOT_FOUND or OPENID_PROVIDER_UNAVAILABLE
   */
  find(id: string): Promise<Provider>;
  /**
   * Lets nobody be sent to where the shop does not expect them.
   *
   * @throws SoukError REDIRECT_URI_REFUSED
   */
  requireAllowed(redirectUri: string): void;
}

/** How long what a provider tells of itself is used, in ms. */
const FRESH_MS = 3_600_000;
/** How long a provider may take to answer, in seconds; shorter than the calls that wait for it. */
const TIMEOUT_SECONDS = 4;

/**
 * Makes the providers that the settings name. Each is asked about itself when it is first used.
 *
 * @param settings the providers
 * @param redirectUris where they may send browsers back to
 */
export function openIdProviderClients(
  settings: readonly ProviderSettings[],
  redirectUris: ReadonlySet<string>,
): Providers {
  const found = new Map<string, { readonly client: Promise<Configuration>; readonly at: number }>();
  return {
    all: settings,
    async find(id) {
      const provider = settings.find((it) => it.id === id);
      if (provider === undefined) {
        throw refuse(
          ErrorReason.OPENID_PROVIDER_NOT_FOUND,
          `there is no OpenID provider ${id}; list the providers`,
        );
      }
      let known = found.get(id);
      if (known === undefined || Date.now() - known.at > FRESH_MS) {
        known = { client: discover(provider), at: Date.now() };
        found.set(id, known);
        known.client.catch(() => found.delete(id));
      }
      return { settings: provider, client: await known.client };
    },
    requireAllowed(redirectUri) {
      if (redirectUris.has(redirectUri)) return;
      const description = "is not one of the addresses that the shop allows";
      throw refuse(ErrorReason.REDIRECT_URI_REFUSED, `redirect_uri ${description}`, {
        violations: [{ field: "redirect_uri", description }],
      });
    },
  };
}

async function discover({ id, issuer, clientId, clientSecret }: ProviderSettings): Promise<Configuration> {
  const server = new URL(issuer);
  try {
    return await discovery(server, clientId, {}, ClientSecretBasic(clientSecret), {
      timeout: TIMEOUT_SECONDS,
      // What stays on this machine needs no TLS.
      execute: isLoopback(server) ? [allowInsecureRequests] : [],
    });
  } catch (cause) {
    throw providerUnavailable(id, cause);
  }
}

/** Refuses a call because a provider does not answer, or not as OpenID Connect says. */
export function providerUnavailable(id: string, cause: unknown) {
  return refuse(
    ErrorReason.OPENID_PROVIDER_UNAVAILABLE,
    `the OpenID provider ${id} does not answer; try again in a moment`,
    { retryAfterMs: 1_000, cause },
  );
}
