import { files } from "#gen/contracts.ts";
import { openEventBus } from "#kit/events/bus.ts";
import { createReadiness } from "#kit/health/readiness.ts";
import { joinMesh, type Member } from "#kit/mesh/join-mesh.ts";
import { startOperationsServer } from "#kit/operations/operations-server.ts";
import { GATEWAY } from "#kit/policy/identity.ts";
import { createLoadLimit } from "#kit/policy/load-limit.ts";
import { measureLoad } from "#kit/policy/overload.ts";
import { openRates, rateSettings } from "#kit/policy/rate.ts";
import type { Host, Program } from "#kit/program.ts";
import { VERSION } from "#kit/version.ts";
import { gatewaySettings, readGatewayConfig } from "./config.ts";
import { startHttpServer } from "./http-server.ts";
import { requestHandler } from "./request-handler.ts";
import { gatewayRoutes } from "./routes.ts";
import { rememberAnswers } from "./unary/remembered-answers.ts";

/** The gateway: everything that is open to the outside, over Connect, gRPC-Web and gRPC. */
export const gateway: Program = {
  name: GATEWAY,
  settings: gatewaySettings,
  async start(host) {
    const config = readGatewayConfig(host.settings);
    const member = joinMesh(host, GATEWAY);
    const readiness = createReadiness([]);
    const operations = await startOperationsServer({
      host: host.settings.SOUK_HOST,
      port: config.operationsPort,
      name: GATEWAY,
      version: VERSION,
      readiness,
      telemetry: host.telemetry,
    });
    const routes = gatewayRoutes(member, readiness, host.settings.SOUK_MAX_STREAMS);
    const memory = openMemory(host, member);
    const load = createLoadLimit(host.settings.SOUK_MAX_CALLS);
    measureLoad(member.telemetry.meter, load);
    const http = await startHttpServer({
      host: host.settings.SOUK_HOST,
      port: config.port,
      handler: (shutdownSignal) =>
        requestHandler({ ...config, member, routes, remembered: memory?.answers, load, shutdownSignal }),
      log: member.log,
    });
    operations.started();
    return {
      name: GATEWAY,
      ports: { http: http.port, operations: operations.port },
      readiness,
      async stop(graceMs) {
        await http.stop(graceMs);
        load.stop();
        await memory?.stop();
        await operations.stop();
        member.leave();
      },
    };
  },
};

/** Where all run in one process, the services' own memory is as near as the gateway's. */
function openMemory({ settings, redis, memory }: Host, { name, log, telemetry }: Member) {
  if (settings.SOUK_DATA_PLANE === "local") return undefined;
  const { meter } = telemetry;
  const namespace = settings.SOUK_EVENT_NAMESPACE;
  const bus = openEventBus({ url: settings.SOUK_NATS_URL, namespace, clientName: `souk-${name}`, log });
  const rates = openRates({ ...rateSettings(settings), redis, meter });
  const answers = rememberAnswers({ files, rates, bus, memory, meter, log });
  return {
    answers,
    async stop() {
      await answers.stop();
      await bus.close();
    },
  };
}
