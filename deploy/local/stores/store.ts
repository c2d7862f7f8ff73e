import type { Supervisor } from "../supervisor.ts";

/** Where a store was found. */
export type Source = "environment" | "npm package" | "PATH" | "Debian package";

/** A store that runs. */
export interface Store {
  name: string;
  /** How to connect, credentials included. */
  url: string;
  /** Host and port alone, fit for the terminal. */
  address: string;
  source: Source;
  version: string;
  /** How long it took to find or bring it, in milliseconds. */
  tookMs: number;
  /** Ends it if this process started it. Safe to call twice. */
  stop(): Promise<void>;
}

/** What every store needs to start. */
export interface StoreOptions {
  /** The folder for the data of this store alone; made when it is missing. */
  dataDir: string;
  /** Keeps the server alive. */
  supervisor: Supervisor;
  /** Where the settings stand. The environment of this process by default. */
  env?: NodeJS.ProcessEnv;
  /** The address to listen on. 127.0.0.1 by default. */
  host?: string;
  /** The TCP port, 0 for a free one. The one the store is known for by default. */
  port?: number;
  /**
   * Whether what was acknowledged must survive a power cut. True by default; tests, whose data live
   * no longer than they do, say false and are faster.
   */
  durable?: boolean;
  /** Gets a line when something takes long or is done to the machine. */
  log(line: string): void;
}

/** The address under which this machine reaches a server that listens on a given one. */
export function reachableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

/** Joins host and port as URLs do (RFC 3986, section 3.2.2). */
export function hostAndPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A store that somebody else runs. */
export function foreignStore(name: string, url: string, version: string, startedAt: number): Store {
  return {
    name,
    url,
    address: new URL(url).host,
    source: "environment",
    version,
    tookMs: performance.now() - startedAt,
    stop: async () => {},
  };
}
