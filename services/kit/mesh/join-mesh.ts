import type { Logger } from "pino";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { ConfigurationError } from "../config.ts";
import { accessSnapshots } from "../identity/access-snapshot.ts";
import { type Authenticator, createAuthenticator, type PublicJwk } from "../identity/authenticator.ts";
import { cachedKeySet } from "../identity/key-set.ts";
import { serviceTokens } from "../identity/service-token.ts";
import type { Host } from "../program.ts";
import type { Mesh } from "../rpc/open-call.ts";
import { rootScopes } from "../rpc/root-scope.ts";
import type { Telemetry } from "../telemetry.ts";
import { type Breakers, createBreakers } from "./breakers.ts";
import { type Caller, createCaller, createMesh } from "./create-mesh.ts";
import { dataPlane } from "./plane.ts";

/** How long fetching keys, or a snapshot, may take, in ms. */
const FETCH_MS = 5_000;

/** A program's place in the mesh. */
export interface Member {
  readonly name: string;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly authenticator: Authenticator;
  readonly breakers: Breakers;
  readonly mesh: Mesh;
  readonly call: Caller;
  leave(): void;
}

/**
 * Gives a program its place in the mesh: an identity, clients of the others, and the means to
 * check who calls.
 *
 * @param host the process
 * @param name the program's name
 * @throws ConfigurationError when a key cannot be used
 */
export function joinMesh({ settings, log, telemetry, dispatchers }: Host, name: string): Member {
  const own = telemetry.forService(name);
  const ownLog = log.child({ service: name });
  const transport = dataPlane(settings, dispatchers);
  const breakers = createBreakers({ resetMs: settings.SOUK_BREAKER_RESET_MS }, own.meter);
  const keySetting = `${name.toUpperCase()}_SERVICE_KEY`;
  const serviceToken = usable(keySetting, () => serviceTokens(name, settings[keySetting] as PublicJwk));
  const mesh = createMesh(transport, breakers, serviceToken);
  const ownScope = rootScopes(ownLog, mesh);
  // On nobody's behalf: a token cannot stand in its own way, and who hangs up in nobody else's.
  const findUserKey = cachedKeySet(async () => {
    const { jwksJson } = await mesh(ownScope({ timeoutMs: FETCH_MS }), AuthService).getKeySet({});
    return jwksJson;
  });
  const snapshots = accessSnapshots(
    () => mesh(ownScope({ timeoutMs: FETCH_MS }), AccessService).getAccessSnapshot({}),
    settings.SOUK_ACCESS_POLL_MS,
  );
  const { keys } = settings.SOUK_TRUST_BUNDLE as { keys: PublicJwk[] };
  const authenticator = usable("SOUK_TRUST_BUNDLE", () => createAuthenticator(keys, findUserKey, snapshots));
  return {
    name,
    log: ownLog,
    telemetry: own,
    authenticator,
    breakers,
    mesh,
    call: createCaller(transport, breakers, serviceToken),
    leave() {
      snapshots.stop();
      transport.close();
      breakers.stop();
    },
  };
}

function usable<T>(setting: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`${setting} cannot be used: ${why}`);
  }
}
