import { type EventEmitter, once } from "node:events";
import { createServer as createHttp1Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer as createNetServer, type Socket } from "node:net";
import type { Logger } from "pino";
import { STREAM_RESETS } from "#kit/rpc/stream-resets.ts";
import type { RequestHandler } from "./request-handler.ts";

/** How the gateway serves HTTP. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  /** Makes what answers requests; the signal ends what is under way. */
  readonly handler: (shutdownSignal: AbortSignal) => RequestHandler;
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
/** The first bytes of a connection that speaks HTTP/2 without asking (RFC 9113, 3.4). */
const HTTP2_PREFACE = "PRI * HTTP/2.0";

/**
 * Serves HTTP/1.1 and HTTP/2 without TLS on one port: browsers speak the former to us
 * where no proxy stands between, proxies and gRPC clients the latter.
 *
 * @throws Error when the port cannot be had
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const shutdown = new AbortController();
  const handler = options.handler(shutdown.signal);
  const http1Sockets = trackSockets();
  const http1 = createHttp1Server({ keepAliveTimeout: IDLE_MS }, (request, response) => {
    http1Sockets.hold(request.socket, response);
    handler(request, response);
  });
  const http2 = createHttp2Server(STREAM_RESETS, handler as never);
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
