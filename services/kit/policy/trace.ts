import {
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
} from "@opentelemetry/api";
import { methodName } from "../contract.ts";
import { codeName, toSoukError } from "../error.ts";
import { type Interceptor, observeEnd, type RequestHeaders } from "../rpc/call.ts";

/**
 * Makes a span of each call and hands its context on (W3C Trace Context). Without a tracer at work
 * the caller's context is handed on as it came.
 *
 * @param tracer where the spans go
 */
export function trace(tracer: Tracer): Interceptor {
  return (next) => (call, request) => {
    call.traceparent = traceparentOf(call.headers);
    const parent = propagation.extract(ROOT_CONTEXT, call.headers, headerGetter);
    const name = methodName(call.method);
    const span = tracer.startSpan(
      name,
      { kind: SpanKind.SERVER, attributes: { "rpc.system": "grpc" } },
      parent,
    );
    if (!span.isRecording()) return next(call, request);
    const { traceId, spanId, traceFlags } = span.spanContext();
    call.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
    return observeEnd(next(call, request), (thrown) => {
      if (thrown !== undefined) {
        const { code, reason } = toSoukError(thrown);
        span.setAttributes({ "rpc.grpc.status_code": code, "souk.reason": reason });
        span.setStatus({ code: SpanStatusCode.ERROR, message: codeName(code) });
      }
      span.end();
    });
  };
}

const TRACEPARENT = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

/**
 * The trace that a call is part of, as its caller says; what is none is not handed on (W3C Trace Context, 3.2).
 *
 * @param headers what the caller sent
 */
export function traceparentOf(headers: RequestHeaders): string | undefined {
  const given = headers.get("traceparent");
  return given !== undefined && TRACEPARENT.test(given) ? given : undefined;
}

const headerGetter: TextMapGetter<RequestHeaders> = {
  get: (headers, name) => headers.get(name),
  keys: () => ["traceparent", "tracestate"],
};
