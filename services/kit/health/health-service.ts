import { setTimeout as delay } from "node:timers/promises";
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from "#gen/health/v1/health_pb.ts";
import { Code, SoukError } from "../error.ts";
import { type Implemented, implement } from "../rpc/implement.ts";
import type { Readiness } from "./readiness.ts";

/** How often a watched service is looked at again, in ms. */
const WATCH_MS = 1_000;

/**
 * Serves grpc.health.v1: a service is SERVING while it is ready (github.com/grpc/grpc, doc/health-checking.md).
 *
 * @param readiness whether the process can take calls
 * @param services the full names of the contracts that are served
 */
export function healthService(readiness: Readiness, services: readonly string[]): Implemented {
  const known = new Set(["", ...services]);

  async function statusOf(service: string): Promise<ServingStatus> {
    if (!known.has(service)) return ServingStatus.SERVICE_UNKNOWN;
    const { ready } = await readiness.report();
    return ready ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  return implement(Health, {
    async check({ service }) {
      const status = await statusOf(service);
      if (status === ServingStatus.SERVICE_UNKNOWN) {
        throw new SoukError(Code.NOT_FOUND, `no service ${service} runs here`);
      }
      return { status };
    },
    async *watch({ service }, { signal }) {
      let told: ServingStatus | undefined;
      while (!signal.aborted) {
        const status = await statusOf(service);
        if (status !== told) yield { status };
        told = status;
        await delay(WATCH_MS, undefined, { signal }).catch(() => {});
      }
    },
    async list() {
      const statuses = [...known].map(
        async (service) => [service, { status: await statusOf(service) }] as const,
      );
      return { statuses: Object.fromEntries(await Promise.all(statuses)) };
    },
  });
}
