import type { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";

/** What a budget says to a call. */
export interface Spending {
  readonly allowed: boolean;
  /** Points that are left in this window. */
  readonly left: number;
  /** How long until the window is over and the budget whole again, in ms. */
  readonly resetMs: number;
}

/** So many points for each key and window, kept in Redis for all processes together. */
export interface Budget {
  readonly points: number;
  /**
   * Takes points of a key, all or none.
   *
   * @param key whose budget it is
   * @param cost how many points
   */
  spend(key: string, cost: number): Spending | Promise<Spending>;
}

/** How a budget is kept. */
export interface BudgetOptions {
  /** What stands before every key in Redis. */
  readonly prefix: string;
  /** How many points a key has in each window. */
  readonly points: number;
  /** Where it is kept; this process alone keeps it where there is none, and while it is away. */
  readonly redis: Redis | undefined;
  /** Told of each look into Redis. */
  onDraw(): void;
}

/** The window over which points are counted, in seconds. */
export const WINDOW_SECONDS = 60;
/**
 * The first half of a budget is drawn in parts of this size, so that most calls need no look into Redis, the
 * second half as it is spent. A budget is thus never exceeded; who spreads calls over several processes may be
 * refused while each of the others still holds one part for the rest of the window.
 */
const PART = 1 / 20;
/** How many keys a process remembers; what it drew for those it forgets is lost to them. */
const MOST_KEYS = 50_000;

/** What a process knows of one key in the present window. */
interface Account {
  /** Points that were drawn and not spent yet. */
  drawn: number;
  /** Points that were left in Redis when it was last looked; others can only have made them fewer. */
  left: number;
  endsAt: number;
  /** Points for which calls wait. */
  wanted: number;
  drawing: Promise<void> | undefined;
}

/**
 * Keeps a budget.
 *
 * @param options how
 */
export function createBudget({ prefix, points, redis, onDraw }: BudgetOptions): Budget {
  const own = new RateLimiterMemory({ keyPrefix: prefix, points, duration: WINDOW_SECONDS });
  const limiter =
    redis === undefined
      ? own
      : new RateLimiterRedis({
          storeClient: redis,
          keyPrefix: prefix,
          points,
          duration: WINDOW_SECONDS,
          insuranceLimiter: own,
          rejectIfRedisNotReady: true,
        });
  const part = Math.floor(points * PART);
  const accounts = new Map<string, Account>();

  function accountOf(key: string): Account {
    const known = accounts.get(key);
    if (known !== undefined && (known.endsAt > Date.now() || known.drawing !== undefined)) return known;
    if (accounts.size >= MOST_KEYS) forgetSome(accounts);
    const fresh: Account = {
      drawn: 0,
      left: points,
      endsAt: Date.now() + WINDOW_SECONDS * 1_000,
      wanted: 0,
      drawing: undefined,
    };
    // Set anew, so that the map keeps the order in which windows end.
    accounts.delete(key);
    accounts.set(key, fresh);
    return fresh;
  }

  async function draw(key: string, account: Account): Promise<void> {
    onDraw();
    const need = account.wanted - account.drawn;
    const asked = account.left > points / 2 ? Math.max(need, part) : need;
    const { consumedPoints, msBeforeNext, isFirstInDuration } = await limiter
      .consume(key, asked)
      .catch(refusedOrThrow);
    // What was drawn before belongs to a window that is over.
    if (isFirstInDuration) account.drawn = 0;
    // Of what went beyond the budget nothing was to be had.
    account.drawn += Math.max(0, asked - Math.max(0, consumedPoints - points));
    account.left = Math.max(0, points - consumedPoints);
    account.endsAt = Date.now() + Math.max(1, msBeforeNext);
  }

  async function waitAndSpend(key: string, account: Account, cost: number): Promise<Spending> {
    account.wanted += cost;
    try {
      for (let spent = take(account, cost); ; spent = take(account, cost)) {
        if (spent !== undefined) return spent;
        account.drawing ??= draw(key, account).finally(() => {
          account.drawing = undefined;
        });
        await account.drawing;
      }
    } finally {
      account.wanted -= cost;
    }
  }

  return {
    points,
    spend(key, cost) {
      const account = accountOf(key);
      return take(account, cost) ?? waitAndSpend(key, account, cost);
    },
  };
}

/** Decides without a look into Redis where that is possible. */
function take(account: Account, cost: number): Spending | undefined {
  const { drawn, left, endsAt } = account;
  const allowed = drawn >= cost;
  if (!allowed && drawn + left >= cost) return undefined;
  if (allowed) account.drawn -= cost;
  return { allowed, left: account.drawn + left, resetMs: Math.max(1, endsAt - Date.now()) };
}

/** Refusals are thrown, too, and say as much as answers. */
function refusedOrThrow(thrown: unknown): RateLimiterRes {
  if (thrown instanceof RateLimiterRes) return thrown;
  throw thrown;
}

/** Forgets the keys whose window is over, or else those that have been known longest. */
function forgetSome(accounts: Map<string, Account>): void {
  const now = Date.now();
  let most = MOST_KEYS / 10;
  for (const [key, { endsAt, drawing }] of accounts) {
    if (drawing === undefined && (endsAt <= now || most > 0)) accounts.delete(key);
    if (most-- <= 0) return;
  }
}
