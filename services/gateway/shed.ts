import type { IncomingMessage, ServerResponse } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { contracts } from "#gen/contracts.ts";
import { methodName } from "#kit/contract.ts";
import { type SoukError, toSoukError } from "#kit/error.ts";
import type { LoadLimit } from "#kit/policy/load-limit.ts";
import { trailersOnly } from "#kit/rpc/status.ts";
import { toConnectError } from "./connect-error.ts";
import { retryAfterOf } from "./passed-headers.ts";
import type { RequestHandler } from "./request-handler.ts";

/** What the gateway answers itself, so that it shows how the gateway is under any load. */
const INFRASTRUCTURE = "/grpc.";

/**
 * Turns requests away at once, before they are read, when there is more to do than can be done.
 *
 * @param limit how many requests are worked on at a time
 * @param serve works on them
 * @param headersOf what every answer to a request carries, so that browsers show it to their pages
 */
export function shedding(
  limit: LoadLimit,
  serve: RequestHandler,
  headersOf: (request: IncomingMessage) => Readonly<Record<string, string>>,
): RequestHandler {
  const kinds = new Map<string, DescMethod>();
  for (const service of [...contracts].filter((it) => it.kind === "service")) {
    for (const method of service.methods) kinds.set(`/${methodName(method)}`, method);
  }

  function admitted(
    request: IncomingMessage,
    response: ServerResponse,
    method: DescMethod | undefined,
  ): void {
    if (response.destroyed) {
      limit.leave(serve, undefined);
      return;
    }
    // A stream lasts as long as somebody watches it, and takes no time while nothing happens.
    if (method?.methodKind !== "unary") limit.leave(serve, undefined);
    else {
      const startedAt = performance.now();
      response.once("close", () => {
        const answered = response.writableFinished && response.statusCode === 200;
        limit.leave(method, answered ? performance.now() - startedAt : undefined);
      });
    }
    serve(request, response);
  }

  return (request, response) => {
    const path = pathOf(request);
    if (request.method === "OPTIONS" || path.startsWith(INFRASTRUCTURE)) return serve(request, response);
    const method = kinds.get(path);
    try {
      const waits = limit.enter("outside");
      if (waits === undefined) return admitted(request, response, method);
      waits.then(
        () => admitted(request, response, method),
        (refusal: unknown) => turnAway(request, response, headersOf(request), refusal),
      );
    } catch (refusal) {
      turnAway(request, response, headersOf(request), refusal);
    }
  };
}

function pathOf({ url = "/" }: IncomingMessage): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

function turnAway(
  request: IncomingMessage,
  response: ServerResponse,
  common: Readonly<Record<string, string>>,
  refusal: unknown,
): void {
  const type = request.headers["content-type"] ?? "";
  // gRPC and gRPC-Web read an answer without a message from its headers ("Trailers-Only").
  if (type.startsWith("application/grpc")) {
    response.writeHead(200, { ...common, "content-type": type, ...written(refusal).grpc }).end();
  } else {
    const { headers, body } = written(refusal);
    response.writeHead(503, { ...common, ...headers });
    response.end(body);
  }
}

/** A refusal as it is answered with, in gRPC and in Connect. */
interface Written {
  readonly grpc: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const writtenBefore = new WeakMap<SoukError, Written>();

/** There are few refusals, and no time to write the same ones again. */
function written(thrown: unknown): Written {
  const refusal = toSoukError(thrown);
  let known = writtenBefore.get(refusal);
  if (known === undefined) {
    const headers = { "content-type": "application/json", ...retryAfter(refusal) };
    known = {
      grpc: trailersOnly(refusal),
      headers,
      body: errorToJsonBytes(toConnectError(refusal), undefined),
    };
    writtenBefore.set(refusal, known);
  }
  return known;
}

/** When to come again, in whole seconds (RFC 9110, 10.2.3). */
function retryAfter(refusal: SoukError): Record<string, string> {
  const seconds = retryAfterOf(refusal);
  return seconds === undefined ? {} : { "retry-after": seconds };
}
