import { type Attributes, type Meter, ValueType } from "@opentelemetry/api";
import { Code, toSoukError } from "../error.ts";
import { type Interceptor, observeEnd } from "../rpc/call.ts";

/**
 * Records how long each call took, by method and status code: rate, errors and duration in one
 * histogram (OpenTelemetry semantic conventions for RPC).
 *
 * @param meter where the measurements go
 */
export function metrics(meter: Meter): Interceptor {
  const duration = meter.createHistogram("rpc.server.duration", {
    description: "How long calls took that this service answered",
    unit: "ms",
    valueType: ValueType.DOUBLE,
  });
  // One object a method and code for good: making one a call would cost more than the recording.
  const attributes = new Map<string, Attributes>();
  return (next) => (call, request) => {
    const startedAt = performance.now();
    return observeEnd(next(call, request), (thrown) => {
      const code = thrown === undefined ? Code.OK : toSoukError(thrown).code;
      const key = `${call.method.toString()} ${code}`;
      let labels = attributes.get(key);
      if (labels === undefined) {
        labels = {
          "rpc.service": call.method.parent.typeName,
          "rpc.method": call.method.name,
          "rpc.grpc.status_code": code,
        };
        attributes.set(key, labels);
      }
      duration.record(performance.now() - startedAt, labels);
    });
  };
}
