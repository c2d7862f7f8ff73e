import { cors as connectCors } from "@connectrpc/connect";
import type { CorsOptions } from "cors";

/** What pages of other origins may send and see: what Connect and gRPC-Web need, and our own headers. */
export const CORS_OPTIONS: CorsOptions = {
  methods: [...connectCors.allowedMethods],
  allowedHeaders: [
    ...connectCors.allowedHeaders,
    "authorization",
    "idempotency-key",
    "traceparent",
    "x-request-id",
  ],
  exposedHeaders: [...connectCors.exposedHeaders, "x-request-id"],
  maxAge: 7_200,
};
