import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Readiness } from "../health/readiness.ts";
import type { Scope } from "../scope.ts";
import type { ProcessTelemetry } from "../telemetry.ts";

/** Things to show over HTTP as JSON, by path. */
export type Documents = Readonly<Record<string, (scope: Scope) => Promise<object>>>;

/** What the operations port tells. */
export interface OperationsServerOptions {
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  readonly name: string;
  readonly version: string;
  readonly readiness: Readiness;
  readonly telemetry: ProcessTelemetry;
  readonly documents?: Readonly<Record<string, () => Promise<object>>>;
}

/** An operations port that is listening. */
export interface OperationsServer {
  readonly port: number;
  /** From now on /health/startup succeeds. */
  started(): void;
  stop(): Promise<void>;
}

/**
 * Opens the operations port: /health/live, /health/ready, /health/startup, /metrics and the service's own
 * documents over HTTP.
 *
 * @throws Error when the port cannot be had
 */
export async function startOperationsServer(options: OperationsServerOptions): Promise<OperationsServer> {
  const { name, version, readiness, telemetry, documents = {} } = options;
  let started = false;

  async function answer(path: string, response: ServerResponse): Promise<void> {
    switch (path) {
      case "/health/live":
        return sendJson(response, 200, { status: "live", service: name });
      case "/health/startup":
        return sendJson(response, started ? 200 : 503, {
          status: started ? "started" : "starting",
          service: name,
        });
      case "/health/ready": {
        const { ready, dependencies } = await readiness.report();
        const uptimeSeconds = Math.round(process.uptime());
        const body = {
          status: ready ? "ready" : "not ready",
          service: name,
          version,
          uptimeSeconds,
          dependencies,
        };
        return sendJson(response, ready && started ? 200 : 503, body);
      }
      case "/metrics":
        response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
        response.end(await telemetry.scrape());
        return;
      default: {
        const document = Object.hasOwn(documents, path) ? documents[path] : undefined;
        if (document !== undefined) return sendJson(response, 200, await document());
        return sendJson(response, 404, {
          error: "not found",
          paths: ["/health/live", "/health/ready", "/health/startup", "/metrics", ...Object.keys(documents)],
        });
      }
    }
  }

  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    answer(path, response).catch((error: unknown) => {
      sendJson(response, 500, { error: error instanceof Error ? error.message : String(error) });
    });
  });
  server.listen(options.port, options.host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    started() {
      started = true;
    },
    stop: () => close(server),
  };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(`${JSON.stringify(body)}\n`);
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
