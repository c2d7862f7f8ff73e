import type { Json } from "./json.ts";

/** What Envoy answers itself: Connect's code for an HTTP status, and a sentence without internals. */
const REPLIES = [
  { status: 400, code: "invalid_argument", message: "the request is no valid HTTP request" },
  { status: 408, code: "deadline_exceeded", message: "the request took too long to arrive" },
  {
    status: 429,
    code: "resource_exhausted",
    message: "more requests than can be taken; try again in a second",
  },
  { status: 431, code: "invalid_argument", message: "the headers of the request are too large" },
  { status: 503, code: "unavailable", message: "the service cannot be reached at the moment; try again" },
  { status: 504, code: "deadline_exceeded", message: "the service did not answer in time" },
] as const;

/** The answers of Envoy itself to gRPC callers: the text is the status' message. */
export function grpcReplies(): Json {
  const mappers = REPLIES.filter(({ status }) => status === 429 || status >= 500).map(
    ({ status, message }) => ({
      filter: withStatus(status),
      body: { inline_string: message },
    }),
  );
  return { mappers };
}

/** The answers of Envoy itself to callers of the edge: errors as Connect writes them, or as gRPC does. */
export function connectReplies(): Json {
  const mappers = REPLIES.map(({ status, code, message }) => ({
    filter: { and_filter: { filters: [withStatus(status), { header_filter: { header: NOT_GRPC } }] } },
    body_format_override: { json_format: { code, message }, content_type: "application/json" },
  }));
  return { mappers: [...mappers, ...(grpcReplies()["mappers"] as Json[])] };
}

const NOT_GRPC = {
  name: "content-type",
  string_match: { prefix: "application/grpc" },
  invert_match: true,
  treat_missing_header_as_empty: true,
};

function withStatus(status: number): Json {
  // Envoy wants a key under which the number could be changed at run time; nothing sets it.
  const value = { default_value: status, runtime_key: "souk.local_reply_status" };
  return { status_code_filter: { comparison: { op: "EQ", value } } };
}
