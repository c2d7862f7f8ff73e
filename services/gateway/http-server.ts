import { type EventEmitter, once } from "node:events";
import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer as createNetServer, type Socket } from "node:net";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import cors from "cors";
import helmet, { type HelmetOptions } from "helmet";
import type { Logger } from "pino";
import { CORS_OPTIONS } from "./cors.ts";

/** How the gateway serves HTTP. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  readonly corsOrigins: readonly string[];
  /** The largest request, in bytes. */
  readonly maxBodyBytes: number;
  readonly routes: (router: ConnectRouter) => void;
  readonly log: Logger;
}

/** An HTTP server that is listening. */
export interface HttpServer {
  readonly port: number;
  /** Takes no new calls and waits for those under way, `graceMs` at most. */
  stop(graceMs: number): Promise<void>;
}

/** A proxy closes idle connections after an hour; ours live shorter, so that it never writes into a closed one. */
const IDLE_MS = 300_000;
/**
 * What browsers are told of answers that are data and never pages: nothing in them is to be run, framed or
 * guessed at. Each header costs time in each call, so those that only concern pages are left out.
 */
const SECURITY_HEADERS: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
  crossOriginResourcePolicy: { policy: "cross-origin" },
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xPoweredBy: false,
  xXssProtection: false,
};
/** The first bytes of a connection that speaks HTTP/2 without asking (RFC 9113, 3.4). */
const HTTP2_PREFACE = "PRI * HTTP/2.0";

/**
 * Serves routes over HTTP/1.1 and HTTP/2 without TLS on one port: browsers speak the former to us
 * where no proxy stands between, proxies and gRPC clients the latter.
 *
 * @throws Error when the port cannot be had
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const shutdown = new AbortController();
  const handler = handlerOf(options, shutdown.signal);
  const http1Sockets = trackSockets();
  const http1 = createHttp1Server({ keepAliveTimeout: IDLE_MS }, (request, response) => {
    http1Sockets.hold(request.socket, response);
    handler(request, response);
  });
  const http2 = createHttp2Server(handler as never);
  const sessions = new Set<ServerHttp2Session>();
  http2.on("session", (session) => {
    sessions.add(session);
    session.setTimeout(IDLE_MS, () => session.close());
    session.once("close", () => sessions.delete(session));
  });
  const server = createNetServer({ noDelay: true }, (socket) => {
    socket.on("error", (error) => options.log.debug({ error: error.message }, "connection broke"));
    http1Sockets.add(socket);
    socket.once("data", (first) => {
      if (startsAsHttp2(first)) {
        http1Sockets.remove(socket);
        route(socket, first, http2);
      } else route(socket, first, http1);
    });
  });
  server.listen(options.port, options.host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async stop(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      http1Sockets.closeIdle();
      const timer = setTimeout(() => {
        shutdown.abort();
        for (const session of sessions) session.destroy();
        http1Sockets.destroyAll();
      }, graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** Hands a new connection to the server that speaks what its first bytes say. */
function route(socket: Socket, first: Buffer, server: EventEmitter): void {
  socket.pause();
  socket.unshift(first);
  server.emit("connection", socket);
  process.nextTick(() => socket.resume());
}

function startsAsHttp2(first: Buffer): boolean {
  return HTTP2_PREFACE.startsWith(first.subarray(0, HTTP2_PREFACE.length).toString("latin1"));
}

/**
 * Knows which connections are idle. Node's HTTP server knows it only of connections that it
 * accepted itself.
 */
function trackSockets() {
  const underWay = new Map<Socket, number>();
  let closing = false;
  return {
    add(socket: Socket): void {
      underWay.set(socket, 0);
      socket.once("close", () => underWay.delete(socket));
    },
    remove(socket: Socket): void {
      underWay.delete(socket);
    },
    /** The connection is busy until the response is over. */
    hold(socket: Socket, response: ServerResponse): void {
      underWay.set(socket, (underWay.get(socket) ?? 0) + 1);
      response.once("close", () => {
        const left = (underWay.get(socket) ?? 1) - 1;
        if (!socket.destroyed) underWay.set(socket, left);
        if (closing && left === 0) socket.end();
      });
    },
    closeIdle(): void {
      closing = true;
      for (const [socket, calls] of underWay) if (calls === 0) socket.destroy();
    },
    destroyAll(): void {
      for (const socket of underWay.keys()) socket.destroy();
    },
  };
}

function handlerOf(options: HttpServerOptions, shutdownSignal: AbortSignal) {
  const secure = helmet(SECURITY_HEADERS);
  const share = cors({
    ...CORS_OPTIONS,
    origin: options.corsOrigins.includes("*") ? "*" : [...options.corsOrigins],
  });
  const serve = connectNodeAdapter({
    routes: options.routes,
    readMaxBytes: options.maxBodyBytes,
    shutdownSignal,
    // A field that the contract does not have is a mistake worth telling.
    jsonOptions: { ignoreUnknownFields: false },
    fallback: notFound as never,
  });
  return (request: IncomingMessage, response: ServerResponse) => {
    secure(request, response, () =>
      share(request as never, response as never, () => serve(request, response)),
    );
  };
}

function notFound(request: IncomingMessage, response: ServerResponse): void {
  const message = `no method ${request.url ?? ""} is open here; see the API reference`;
  response.writeHead(404, { "content-type": "application/json" });
  response.end(JSON.stringify({ code: "unimplemented", message }));
}
