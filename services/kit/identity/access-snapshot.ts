import type { GetAccessSnapshotResponse } from "#gen/souk/auth/v1/access_pb.ts";
import { MeshReason, refuseMesh } from "../error.ts";
import type { User } from "../principal.ts";

/** What a verified access token says of whom it speaks for; what that one may do stands elsewhere. */
export interface Identity {
  readonly id: string;
  readonly email: string;
  readonly roles: readonly string[];
  /** The sign-in, or the API key, that the token comes from. */
  readonly sessionId: string;
  /** The permissions to which an API key confines the token; undefined for somebody who signed in. */
  readonly scopes: readonly string[] | undefined;
}

/**
 * Gives what somebody may do right now.
 *
 * @throws SoukError TOKEN_INVALID when the session was ended or the account was disabled
 */
export type ResolveAccess = (identity: Identity) => User | Promise<User>;

/** What access tokens stand for, and when that may have changed. */
export interface Access {
  readonly resolve: ResolveAccess;
  /**
   * Has `look` called whenever there is news of it.
   *
   * @returns what ends that
   */
  onNews(look: () => void): () => void;
}

/** Decides what somebody may do, from a snapshot that is fetched in the background. */
export interface AccessSnapshots extends Access {
  /** Fetches no more. */
  stop(): void;
}

/** The least time between two fetches for somebody who waits, in ms, so that an outage is no flood. */
const RETRY_MS = 500;

/**
 * Keeps a snapshot of what access tokens stand for. Until the first one is there, calls wait for it;
 * after that none does: it is fetched from time to time, and while its publisher is away the last one
 * goes on serving. Tokens end by themselves before it can be much too old.
 *
 * @param fetch gets a snapshot
 * @param everyMs the time between two fetches, in ms
 */
export function accessSnapshots(
  fetch: () => Promise<GetAccessSnapshotResponse>,
  everyMs: number,
): AccessSnapshots {
  const lookers = new Set<() => void>();
  let access: Resolve | undefined;
  let fetching: Promise<void> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function refresh(): Promise<void> {
    triedAt = Date.now();
    fetching ??= fetch()
      .then((snapshot) => {
        access = readSnapshot(snapshot);
        for (const look of lookers) look();
      })
      .finally(() => {
        fetching = undefined;
        if (!stopped) timer ??= setTimeout(again, everyMs).unref();
      });
    return fetching;
  }

  function again(): void {
    timer = undefined;
    refresh().catch(() => {});
  }

  async function resolveAtFirst(identity: Identity): Promise<User> {
    if (fetching !== undefined || Date.now() - triedAt >= RETRY_MS) await refresh();
    if (access !== undefined) return access(identity);
    throw refuseMesh(
      MeshReason.DEPENDENCY_UNAVAILABLE,
      "what this token allows cannot be found out right now; try again in a moment",
      { retryAfterMs: RETRY_MS },
    );
  }

  return {
    resolve: (identity) => access?.(identity) ?? resolveAtFirst(identity),
    onNews(look) {
      lookers.add(look);
      return () => lookers.delete(look);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

type Resolve = (identity: Identity) => User;

function readSnapshot({ roles, changedAccounts, endedSessionIds }: GetAccessSnapshotResponse): Resolve {
  const permissionsOf = new Map(roles.map(({ role, permissions }) => [role, permissions]));
  const changed = new Map(changedAccounts.map((account) => [account.accountId, account]));
  const ended = new Set(endedSessionIds);
  // An identity is the same object for as long as its token is remembered, so most calls find theirs here.
  const users = new WeakMap<Identity, User>();

  return (identity) => {
    const known = users.get(identity);
    if (known !== undefined) return known;
    const { id, email, sessionId, scopes } = identity;
    const account = changed.get(id);
    if (account?.disabled) throw over("the account is disabled");
    if (ended.has(sessionId)) throw over("its session was ended");
    const ownRoles = account?.roles ?? identity.roles;
    const held = new Set(ownRoles.flatMap((role) => permissionsOf.get(role) ?? []));
    const permissions = scopes === undefined ? held : new Set(scopes.filter((it) => held.has(it)));
    const user: User = {
      kind: "user",
      id,
      email,
      roles: ownRoles,
      permissions,
      sessionId,
      machine: scopes !== undefined,
    };
    users.set(identity, user);
    return user;
  };
}

function over(why: string) {
  return refuseMesh(MeshReason.TOKEN_INVALID, `the token is no longer good: ${why}; sign in again`);
}
