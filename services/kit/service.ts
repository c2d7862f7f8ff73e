import type { DescFile, DescMessage } from "@bufbuild/protobuf";
import type { Meter } from "@opentelemetry/api";
import type { CleanedEnv } from "envalid";
import type { Logger } from "pino";
import { databaseSettings, type Settings, serviceSettings } from "./config.ts";
import type { Database } from "./data/database.ts";
import type { Migrations } from "./data/migrations.ts";
import type { Entities } from "./data/tables.ts";
import type { Subscription } from "./events/subscription.ts";
import type { Job } from "./jobs/job.ts";
import type { Documents } from "./operations/operations-server.ts";
import type { Program } from "./program.ts";
import type { Implemented } from "./rpc/implement.ts";
import type { RootScope } from "./rpc/root-scope.ts";
import type { AnySaga } from "./saga/define-saga.ts";
import type { Sagas } from "./saga/sagas.ts";
import { startService } from "./start-service.ts";

/** What a service works with. */
export interface Resources<S extends Settings, E extends Entities> {
  /** The service's own settings, read. */
  readonly settings: CleanedEnv<S>;
  readonly db: Database<E>;
  readonly sagas: Sagas;
  readonly log: Logger;
  /** Where the service's own measurements go. */
  readonly meter: Meter;
  /** Makes scopes for work that no caller asked for. */
  readonly rootScope: RootScope;
  /** Has something stopped with the service, before its database is closed. */
  onStop(stop: () => Promise<void> | void): void;
}

/** A service: what it serves, the data it owns, the events it heeds, its sagas, jobs and settings. */
export interface ServiceDefinition<S extends Settings, E extends Entities> {
  /** Its name in logs, settings, tokens and databases. */
  readonly name: string;
  /** Its port unless another one is set. */
  readonly port: number;
  /** Settings of its own, by environment variable. */
  readonly settings: S;
  /** Its tables, and how they came to be. */
  readonly data: { readonly entities: E; readonly migrations: Migrations };
  /** The contracts that it serves. */
  serve(resources: Resources<S, E>): Implemented[];
  /** The contracts that declare its events, where those end the life of remembered answers. */
  readonly events?: readonly DescFile[];
  /** The events of others that it heeds, for the registry of events. */
  readonly consumes?: readonly DescMessage[];
  /** What it does on each of them. */
  consume?(resources: Resources<S, E>): Subscription[];
  /** The sagas that it runs. */
  readonly sagas?: readonly AnySaga[];
  /** What it does from time to time. */
  jobs?(resources: Resources<S, E>): Job[];
  /** What its operations port shows beside health and metrics, as JSON by path. */
  documents?(resources: Resources<S, E>): Documents;
}

/** A service as a program, with the migrations of its database and the events that it heeds. */
export interface ServiceProgram extends Program {
  readonly migrations: Migrations;
  readonly consumes: readonly DescMessage[];
}

/**
 * Makes a program of a service.
 *
 * @param definition the whole service on one page
 */
export function defineService<S extends Settings, E extends Entities>(
  definition: ServiceDefinition<S, E>,
): ServiceProgram {
  const { name, port, settings, data } = definition;
  return {
    name,
    settings: Object.assign({}, serviceSettings(name, port), databaseSettings(name), settings),
    migrations: data.migrations,
    consumes: definition.consumes ?? [],
    start: (host) => startService(definition as unknown as ServiceDefinition<Settings, Entities>, host),
  };
}
