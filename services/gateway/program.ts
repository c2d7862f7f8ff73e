import { createReadiness } from "#kit/health/readiness.ts";
import { joinMesh } from "#kit/mesh/join-mesh.ts";
import { startOperationsServer } from "#kit/operations/operations-server.ts";
import { createLoadLimit } from "#kit/policy/load-limit.ts";
import { measureLoad } from "#kit/policy/overload.ts";
import type { Program } from "#kit/program.ts";
import { VERSION } from "#kit/version.ts";
import { gatewaySettings, readGatewayConfig } from "./config.ts";
import { startHttpServer } from "./http-server.ts";
import { requestHandler } from "./request-handler.ts";
import { gatewayRoutes } from "./routes.ts";

/** The gateway: everything that is open to the outside, over Connect, gRPC-Web and gRPC. */
export const gateway: Program = {
  name: "gateway",
  settings: gatewaySettings,
  async start(host) {
    const config = readGatewayConfig(host.settings);
    const member = joinMesh(host, "gateway");
    const readiness = createReadiness([]);
    const operations = await startOperationsServer({
      host: host.settings.SOUK_HOST,
      port: config.operationsPort,
      name: "gateway",
      version: VERSION,
      readiness,
      telemetry: host.telemetry,
    });
    const routes = gatewayRoutes(member, readiness);
    const load = createLoadLimit(host.settings.SOUK_MAX_CALLS);
    measureLoad(member.telemetry.meter, load);
    const http = await startHttpServer({
      host: host.settings.SOUK_HOST,
      port: config.port,
      handler: (shutdownSignal) => requestHandler({ ...config, member, routes, load, shutdownSignal }),
      log: member.log,
    });
    operations.started();
    return {
      name: "gateway",
      ports: { http: http.port, operations: operations.port },
      readiness,
      async stop(graceMs) {
        await http.stop(graceMs);
        load.stop();
        await operations.stop();
        member.leave();
      },
    };
  },
};
