import type { Redis } from "ioredis";
import type { Logger } from "pino";
import type { Memory } from "./cache/memory.ts";
import type { MeshSettings, Settings } from "./config.ts";
import type { Readiness } from "./health/readiness.ts";
import type { Dispatcher } from "./rpc/dispatch.ts";
import type { SagaMoment } from "./saga/run-saga.ts";
import type { ProcessTelemetry } from "./telemetry.ts";

/** Something that a process of the mesh can run: a service or the gateway. */
export interface Program {
  /** Its name in logs, settings, tokens and databases. */
  readonly name: string;
  /** Its settings beside those of the mesh. */
  readonly settings: Settings;
  /**
   * Starts it.
   *
   * @throws anything that keeps it from running
   */
  start(host: Host): Promise<Running>;
}

/** What a process gives to the programs that it runs. */
export interface Host {
  /** The settings of the mesh and of every program of the process. */
  readonly settings: MeshSettings & Readonly<Record<string, unknown>>;
  readonly log: Logger;
  readonly telemetry: ProcessTelemetry;
  /** The connection that all programs of the process share; undefined where there is no Redis. */
  readonly redis: Redis | undefined;
  /** The programs of this process by name, for the data plane `local`. */
  readonly dispatchers: Map<string, Dispatcher>;
  /** What the programs of this process remember of answers. */
  readonly memory: Memory;
  /** Told of each moment of each saga; the saga waits for it. */
  readonly observeSagas: ((moment: SagaMoment) => Promise<void> | void) | undefined;
}

/** A program that runs. */
export interface Running {
  readonly name: string;
  /** The ports it listens on, by purpose. */
  readonly ports: Readonly<Record<string, number>>;
  readonly readiness: Readiness;
  /** Takes no more work, finishes or hands over what is in hand within `graceMs`, lets go of everything. */
  stop(graceMs: number): Promise<void>;
}
