import type { IncomingMessage, ServerResponse } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { methodName } from "#kit/contract.ts";
import type { Member } from "#kit/mesh/join-mesh.ts";
import type { LoadLimit } from "#kit/policy/load-limit.ts";
import { mostOf } from "#kit/policy/most.ts";
import { blameCallerOf, malformed } from "./blame-caller.ts";
import { browserHeaders } from "./browser-headers.ts";
import { clientAddresses, type TrustedProxies } from "./client-address.ts";
import { COMPRESSIONS } from "./compression.ts";
import { CLIENT_ADDRESS } from "./forward.ts";
import { keySet } from "./key-set.ts";
import { jsonOptionsOf } from "./read-json.ts";
import type { GatewayRoutes } from "./routes.ts";
import { shedding } from "./shed.ts";
import { answerBodies } from "./unary/answer-bodies.ts";
import { formOf } from "./unary/read-request.ts";
import type { RememberedAnswers } from "./unary/remembered-answers.ts";
import { unaryServer } from "./unary/serve-unary.ts";
import { webhooks } from "./webhooks.ts";

/** What requests are answered with. */
export interface RequestHandlerOptions {
  readonly member: Member;
  readonly routes: GatewayRoutes;
  readonly corsOrigins: readonly string[];
  /** The largest request, in bytes. */
  readonly maxBodyBytes: number;
  /** How many bytes of answers are remembered at most. */
  readonly answerMemoryBytes: number;
  /** The answers that are given again without asking the service; left out where that saves nothing. */
  readonly remembered: RememberedAnswers | undefined;
  readonly proxies: TrustedProxies;
  /** How many requests are worked on at a time. */
  readonly load: LoadLimit;
  /** Ends what is under way. */
  readonly shutdownSignal: AbortSignal;
}

/** Answers an HTTP request. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Makes what answers the requests of one gateway: unary calls of the Connect protocol by itself, and all
 * other calls, Connect's streams, gRPC-Web and gRPC, by Connect's own library.
 *
 * @param options what they are answered with
 */
export function requestHandler(options: RequestHandlerOptions): RequestHandler {
  const { member, routes, remembered, maxBodyBytes, shutdownSignal } = options;
  const browsers = browserHeaders(options.corsOrigins);
  const clientAddressOf = clientAddresses(options.proxies);
  const bodies = answerBodies(options.answerMemoryBytes);
  const serveUnary = unaryServer({ member, bodies, remembered, maxBodyBytes, clientAddressOf });
  const showsKeys = keySet(member);
  const takesWebhook = webhooks({ member, maxBodyBytes, clientAddressOf });
  const unary = new Map(routes.forwarded.filter(isUnary).map((method) => [`/${methodName(method)}`, method]));
  const served = new Map<string, UniversalHandler>();
  const leaveToLibrary = (maxBytesOf: (method: DescMethod) => number) =>
    connectNodeAdapter({
      routes(router) {
        routes.register(router, (method) => ({
          readMaxBytes: Math.min(maxBodyBytes, maxBytesOf(method)),
          jsonOptions: jsonOptionsOf(method),
        }));
        for (const handler of router.handlers) served.set(handler.requestPath, handler);
      },
      shutdownSignal,
      acceptCompression: COMPRESSIONS,
      requestGate: blameCallerOf,
      contextValues: (request) =>
        createContextValues().set(CLIENT_ADDRESS, clientAddressOf(request as IncomingMessage)),
    });
  // The library bounds each message by its bytes; of JSON they tell little.
  const serveJson = leaveToLibrary(() => maxBodyBytes);
  const serveBinary = leaveToLibrary(({ input }) => mostOf(input).bytes);

  const serve: RequestHandler = (request, response) => {
    if (request.method === "OPTIONS") {
      browsers.answerPreflight(request, response);
      return;
    }
    const common = browsers.of(request.headers.origin);
    const path = pathOf(request);
    const method = unary.get(path);
    const form = method && formOf(request, mayGet(method));
    if (method !== undefined && form !== undefined) {
      serveUnary({ method, form, request, response, common }).catch((error) => giveUp(error, response));
      return;
    }
    for (const name in common) response.setHeader(name, common[name] as string);
    if (showsKeys(request, response, path)) return;
    if (takesWebhook(request, response, path)) return;
    const refusal = refusalOf(request, path, served.get(path));
    if (refusal !== undefined) {
      refuse(response, refusal);
      return;
    }
    try {
      const serveOther = isJson(request) ? serveJson : serveBinary;
      serveOther(request, response);
    } catch {
      refuse(response, { status: 400, error: malformed("the header Host cannot be read") });
    }
  };
  return shedding(options.load, serve, ({ headers }) => browsers.of(headers.origin));

  function giveUp(error: unknown, response: ServerResponse): void {
    member.log.error({ err: error }, "an answer could not be written");
    response.destroy();
  }
}

/** A form of gRPC-Web for browsers of long ago. */
const GRPC_WEB_TEXT = /^application\/grpc-web-text/i;

interface Refusal {
  readonly status: number;
  readonly error: ConnectError;
  /** The HTTP methods that are taken instead. */
  readonly allow?: string;
}

/** What is wrong with a request before its bytes are read. */
function refusalOf(
  { method = "", url = "", headers, httpVersionMajor }: IncomingMessage,
  path: string,
  handler: UniversalHandler | undefined,
): Refusal | undefined {
  if (handler === undefined) {
    const message = `no method ${url} is open here; see the API reference`;
    return { status: 404, error: new ConnectError(message, Code.Unimplemented) };
  }
  const allowed = isUnary(handler.method) ? handler.allowedMethods : ["POST"];
  if (!allowed.includes(method)) {
    const allow = allowed.join(", ");
    return { status: 405, error: malformed(`${path} is called with ${allow}, not with ${method}`), allow };
  }
  if (method === "GET") {
    if (/[?&]encoding=(json|proto)(&|$)/.test(url)) return undefined;
    return { status: 415, error: malformed("the parameter encoding must be json or proto") };
  }
  if (handler.method.methodKind === "bidi_streaming" && httpVersionMajor < 2) {
    return { status: 505, error: malformed(`${path} streams both ways at a time; call it over HTTP/2`) };
  }
  const type = headers["content-type"];
  if (type !== undefined && handler.supportedContentType(type) && !GRPC_WEB_TEXT.test(type)) return undefined;
  const why = `the content type ${type ?? "is missing"} of the request is none that ${path} takes, as application/json is`;
  return { status: 415, error: malformed(why) };
}

function refuse(response: ServerResponse, { status, error, allow }: Refusal): void {
  const body = errorToJsonBytes(error, undefined);
  const content = { "content-type": "application/json", "content-length": body.length };
  response.writeHead(status, { ...content, ...(allow !== undefined && { allow }) });
  response.end(body);
}

function pathOf({ url = "" }: IncomingMessage): string {
  const end = url.indexOf("?");
  return end < 0 ? url : url.slice(0, end);
}

function isUnary({ methodKind }: DescMethod): boolean {
  return methodKind === "unary";
}

/** A request of GET is short, and both take it. */
function isJson({ headers }: IncomingMessage): boolean {
  return /json/i.test(headers["content-type"] ?? "");
}

function mayGet({ idempotency }: DescMethod): boolean {
  return idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}
