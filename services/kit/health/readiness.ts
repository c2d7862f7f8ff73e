/** Checks a thing that a service cannot work without. */
export interface Dependency {
  readonly name: string;
  /** Whether the service cannot answer at all without it. */
  readonly required: boolean;
  /** @throws Error saying what is wrong */
  check(): Promise<void>;
}

/** How a dependency is. */
export interface DependencyReport {
  readonly name: string;
  readonly required: boolean;
  readonly ok: boolean;
  readonly latencyMs: number;
  readonly error?: string;
}

/** Whether a service can take calls. */
export interface Readiness {
  /** Asks every dependency, each for `CHECK_MS` at most. */
  report(): Promise<{ readonly ready: boolean; readonly dependencies: readonly DependencyReport[] }>;
  /** From now on the service is not ready: it is about to stop. */
  drain(): void;
}

const CHECK_MS = 1_000;
/** Reports younger than this are given again, in ms: health checks come from many sides. */
const FRESH_MS = 500;

/**
 * Watches over what a service needs.
 *
 * @param dependencies what to check
 */
export function createReadiness(dependencies: readonly Dependency[]): Readiness {
  let draining = false;
  let latest: { readonly at: number; readonly reports: Promise<DependencyReport[]> } | undefined;
  return {
    async report() {
      if (latest === undefined || Date.now() - latest.at > FRESH_MS) {
        latest = { at: Date.now(), reports: Promise.all(dependencies.map(checkOne)) };
      }
      const reports = await latest.reports;
      return {
        ready: !draining && reports.every(({ ok, required }) => ok || !required),
        dependencies: reports,
      };
    },
    drain() {
      draining = true;
    },
  };
}

async function checkOne({ name, required, check }: Dependency): Promise<DependencyReport> {
  const startedAt = performance.now();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error(`no answer within ${CHECK_MS} ms`)), CHECK_MS);
  try {
    await Promise.race([check(), timeout.promise]);
    return { name, required, ok: true, latencyMs: since(startedAt) };
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown.message : String(thrown);
    return { name, required, ok: false, latencyMs: since(startedAt), error };
  } finally {
    clearTimeout(timer);
  }
}

function since(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 10) / 10;
}
