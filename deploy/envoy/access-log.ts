import { extension, type Json } from "./json.ts";

/**
 * Logs every request of a listener as a line of JSON. Queries are left out: Connect puts the messages of
 * GET requests there.
 *
 * @param listener the listener's name
 * @param target "stdout", a file, or nothing
 */
export function accessLog(listener: string, target: string | undefined): Json[] {
  if (target === undefined) return [];
  const log_format = {
    json_format: { listener, ...FIELDS },
    omit_empty_values: true,
    formatters: [WITHOUT_QUERY],
  };
  if (target === "stdout") {
    const type = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
    return [extension("envoy.access_loggers.stdout", type, { log_format })];
  }
  const type = "envoy.extensions.access_loggers.file.v3.FileAccessLog";
  return [extension("envoy.access_loggers.file", type, { path: target, log_format })];
}

/** As accessLog, but only what Envoy could not pass on or cut short; the services log the rest. */
export function failureLog(listener: string, target: string | undefined): Json[] {
  return accessLog(listener, target).map((log) => ({ ...log, filter: { response_flag_filter: {} } }));
}

const WITHOUT_QUERY = extension(
  "envoy.formatter.req_without_query",
  "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
);

const FIELDS = {
  time: "%START_TIME%",
  requestId: "%REQ(X-REQUEST-ID)%",
  traceparent: "%REQ(TRACEPARENT)%",
  client: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
  protocol: "%PROTOCOL%",
  method: "%REQ(:METHOD)%",
  path: "%REQ_WITHOUT_QUERY(:PATH)%",
  status: "%RESPONSE_CODE%",
  grpcStatus: "%GRPC_STATUS%",
  flags: "%RESPONSE_FLAGS%",
  details: "%RESPONSE_CODE_DETAILS%",
  upstream: "%UPSTREAM_HOST%",
  attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  bytesIn: "%BYTES_RECEIVED%",
  bytesOut: "%BYTES_SENT%",
  ms: "%DURATION%",
};
