import { startAuditRecorder } from "./audit/recorder.ts";
import { startAnswerCache } from "./cache/answer-cache.ts";
import { databaseUrl, type Settings } from "./config.ts";
import { openDatabase } from "./data/database.ts";
import { measureBacklog, measurePool } from "./data/measure.ts";
import { meshMigrations } from "./data/mesh-schema.ts";
import type { Entities } from "./data/tables.ts";
import { openEventBus } from "./events/bus.ts";
import { startConsumer } from "./events/consumer.ts";
import { deadLetters } from "./events/dead-letters.ts";
import { eventHandler } from "./events/handle.ts";
import { measureConsumer } from "./events/measure.ts";
import { startRelay } from "./events/relay.ts";
import { checkSubscriptions } from "./events/subscription.ts";
import { healthService } from "./health/health-service.ts";
import { createReadiness, type Dependency } from "./health/readiness.ts";
import { startJobs } from "./jobs/jobs.ts";
import { joinMesh } from "./mesh/join-mesh.ts";
import { startOperationsServer } from "./operations/operations-server.ts";
import { operationsService } from "./operations/operations-service.ts";
import { createLoadLimit } from "./policy/load-limit.ts";
import { measureLoad, overload } from "./policy/overload.ts";
import { rate, rateSettings } from "./policy/rate.ts";
import { streams } from "./policy/streams.ts";
import type { Host, Running } from "./program.ts";
import { createDispatcher } from "./rpc/dispatch.ts";
import { startGrpcServer } from "./rpc/grpc-server.ts";
import { reflectionServices } from "./rpc/reflection.ts";
import { rootScopes } from "./rpc/root-scope.ts";
import { startSagas } from "./saga/sagas.ts";
import type { Resources, ServiceDefinition } from "./service.ts";
import { VERSION } from "./version.ts";

/** How long it may take to show a document, in ms. */
const DOCUMENT_MS = 2_000;

/**
 * Starts a service: its data, its sagas, jobs and events, and what it serves.
 *
 * @param definition the service
 * @param host the process
 * @throws ConfigurationError, or Error when a port cannot be had
 */
export async function startService(
  definition: ServiceDefinition<Settings, Entities>,
  host: Host,
): Promise<Running> {
  const { name, data } = definition;
  const { settings } = host;
  const prefix = name.toUpperCase();
  const url = databaseUrl(name, settings);
  const member = joinMesh(host, name);
  const { log, telemetry } = member;
  const rootScope = rootScopes(log, member.mesh);

  const db = openDatabase({
    url,
    entities: data.entities,
    migrations: [...meshMigrations, ...data.migrations],
    poolSize: settings[`${prefix}_POOL_SIZE`] as number,
    applicationName: `souk-${name}`,
    log,
  });
  const bus = openEventBus({
    url: settings.SOUK_NATS_URL,
    namespace: settings.SOUK_EVENT_NAMESPACE,
    clientName: `souk-${name}`,
    log,
  });
  const sagas = startSagas(definition.sagas ?? [], {
    db,
    rootScope,
    log,
    leaseMs: settings.SOUK_SAGA_LEASE_MS,
    observe: host.observeSagas,
  });
  const stops: (() => Promise<void> | void)[] = [];
  const resources: Resources<Settings, Entities> = {
    settings: settings as never,
    db,
    sagas,
    log,
    meter: telemetry.meter,
    rootScope,
    onStop: (stop) => {
      stops.push(stop);
    },
  };

  const subscriptions = definition.consume?.(resources) ?? [];
  checkSubscriptions(name, definition.consumes ?? [], subscriptions);
  const handle = eventHandler(name, subscriptions, db, rootScope);
  const dead = deadLetters(bus, name, handle);
  const relay = startRelay({ url, service: name, bus, outbox: db.outbox, log });
  const consumer = startConsumer({
    service: name,
    subscriptions,
    bus,
    handle,
    deadLetters: dead,
    log,
    retryDelaysMs: settings.SOUK_EVENT_RETRY_DELAYS_MS,
  });
  const jobs = startJobs(definition.jobs?.(resources) ?? [], db, rootScope, log);

  const operations = operationsService({ breakers: member.breakers, deadLetters: dead, sagas, jobs, log });
  const served = [...definition.serve(resources), operations];
  const contracts = served.map(({ contract }) => contract);
  const recorder = startAuditRecorder({ service: name, db, rootScope, log });
  const answers = startAnswerCache({
    service: name,
    contracts,
    events: definition.events ?? [],
    memory: host.memory,
    redis: host.redis,
    bus,
    outbox: db.outbox,
    meter: telemetry.meter,
    log,
  });
  const readiness = createReadiness([
    { name: "postgresql", required: true, check: () => db.check() },
    { name: "nats", required: false, check: () => bus.check() },
    ...[answers.dependency].filter((it): it is Dependency => it !== undefined),
  ]);
  const dispatch = { log, telemetry, authenticator: member.authenticator, mesh: member.mesh, recorder };
  const load = createLoadLimit(settings.SOUK_MAX_CALLS);
  const dispatcher = createDispatcher(served, {
    ...dispatch,
    answers,
    overload: overload(load, member.authenticator),
    rate: rate({ ...rateSettings(settings), redis: host.redis, meter: telemetry.meter }),
    streams: streams(settings.SOUK_MAX_STREAMS),
  });
  const infrastructure = createDispatcher(
    [
      healthService(
        readiness,
        contracts.map(({ typeName }) => typeName),
      ),
      ...reflectionServices(contracts, []),
    ],
    dispatch,
  );
  host.dispatchers.set(name, dispatcher);
  const server = await startGrpcServer(
    [dispatcher, infrastructure],
    settings.SOUK_HOST,
    settings[`${prefix}_PORT`] as number,
  );
  const operationsServer = await startOperationsServer({
    host: settings.SOUK_HOST,
    port: settings[`${prefix}_OPERATIONS_PORT`] as number,
    name,
    version: VERSION,
    readiness,
    telemetry: host.telemetry,
    documents: documentsOf(definition, resources),
  });
  measureLoad(telemetry.meter, load);
  measurePool(telemetry.meter, db.pool);
  measureBacklog(telemetry.meter, db.pool);
  measureConsumer(telemetry.meter, consumer, dead);
  operationsServer.started();
  log.info({ port: server.port, operationsPort: operationsServer.port }, "started");

  return {
    name,
    ports: { grpc: server.port, operations: operationsServer.port },
    readiness,
    async stop(graceMs) {
      await server.stop(graceMs);
      load.stop();
      await Promise.all([sagas.stop(graceMs / 2), consumer.stop(), jobs.stop()]);
      for (const stop of stops) await stop();
      await recorder.stop();
      await answers.stop();
      await relay.stop();
      await bus.close();
      await db.close();
      await operationsServer.stop();
      member.leave();
    },
  };
}

function documentsOf(
  { documents }: ServiceDefinition<Settings, Entities>,
  resources: Resources<Settings, Entities>,
): Readonly<Record<string, () => Promise<object>>> {
  const entries = Object.entries(documents?.(resources) ?? {});
  const scope = () => resources.rootScope({ timeoutMs: DOCUMENT_MS });
  return Object.fromEntries(entries.map(([path, show]) => [path, () => show(scope())]));
}
