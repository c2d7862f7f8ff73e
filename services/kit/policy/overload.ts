import type { DescMethod } from "@bufbuild/protobuf";
import type { Meter } from "@opentelemetry/api";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import type { SoukError } from "../error.ts";
import type { Authenticator } from "../identity/authenticator.ts";
import type { Interceptor, RequestHeaders } from "../rpc/call.ts";
import { GATEWAY, SERVICE_TOKEN_HEADER } from "./identity.ts";
import type { LoadLimit, Origin } from "./load-limit.ts";

/** Turns calls away when there is more to do than can be done. */
export interface Overload {
  /** Takes a place for each call, or turns it away. */
  readonly policy: Interceptor;
  /**
   * Whether a call is to be turned away before anything is made of it, for transports to which that is dear.
   *
   * @returns what it is turned away with
   */
  refuse(method: DescMethod, headers: RequestHeaders): SoukError | undefined;
}

/**
 * Turns calls away at once when there is more to do than can be done, before they are looked at: new work from
 * outside first, work that is under way inside last, and never what operators look in with.
 *
 * @param limit how many calls are worked on at a time
 * @param authenticator tells who calls; what it verified once it knows
 */
export function overload(limit: LoadLimit, authenticator: Authenticator): Overload {
  return {
    policy: (next) => async (call, request) => {
      const { method } = call;
      if (isExempt(method)) return next(call, request);
      const waits = limit.enter(originOf(call.headers, authenticator));
      if (waits !== undefined) await waits;
      const startedAt = performance.now();
      let tookMs: number | undefined;
      try {
        const reply = await next(call, request);
        // A stream lasts as long as somebody watches it, and what failed may have failed at once.
        if (method.methodKind === "unary") tookMs = performance.now() - startedAt;
        return reply;
      } finally {
        limit.leave(method, tookMs);
      }
    },
    refuse: (method, headers) =>
      isExempt(method) ? undefined : limit.refuse(originOf(headers, authenticator)),
  };
}

function isExempt({ parent }: DescMethod): boolean {
  return parent === OperationsService;
}

function originOf(headers: RequestHeaders, authenticator: Authenticator): Origin {
  const token = headers.get(SERVICE_TOKEN_HEADER);
  if (token === undefined) return "outside";
  try {
    return authenticator.authenticateService(token).name === GATEWAY ? "outside" : "inside";
  } catch {
    // It will be refused for that; it is not for this policy to say so.
    return "outside";
  }
}

/**
 * Measures how much there is to do.
 *
 * @param meter where the measurements go
 * @param limit the limit of the program
 */
export function measureLoad(meter: Meter, limit: LoadLimit): void {
  const limits = meter.createObservableGauge("souk.load.limit", {
    description: "Calls that are worked on at a time at most, as it is now",
  });
  const calls = meter.createObservableGauge("souk.load.calls", {
    description: "Calls that are worked on, and that wait for it",
  });
  const delay = meter.createObservableGauge("souk.load.loop_delay", {
    description: "How late the event loop is",
    unit: "ms",
  });
  const shed = meter.createObservableCounter("souk.load.shed", {
    description: "Calls that were turned away because there was too much to do, by where they came from",
  });
  meter.addBatchObservableCallback(
    (result) => {
      const report = limit.report();
      result.observe(limits, report.limit);
      result.observe(calls, report.underWay, { state: "under_way" });
      result.observe(calls, report.waiting, { state: "waiting" });
      result.observe(delay, report.loopDelayMs);
      for (const origin of ["outside", "inside"] as const)
        result.observe(shed, report.shed[origin], { origin });
    },
    [limits, calls, delay, shed],
  );
}
