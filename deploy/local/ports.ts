import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { commandLine } from "./process.ts";

/** The process that listens on a port. */
export interface PortOwner {
  pid: number;
  /** Its command line, as far as it may be read. */
  command: string;
}

/** Tells whether a server could listen on a TCP port of an address now. */
export function isPortFree(port: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * Picks a free TCP port. It lies below the range from which the kernel takes the ports of outgoing
 * connections, so that none of those can take it between this call and the start of the server, or while the
 * server is away; and no other process picks it for as long as this one lives.
 *
 * @throws Error when no free port was found
 */
export async function pickFreePort(host = "127.0.0.1"): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if ((await isPortFree(port, host)) && (await claim(port))) return port;
  }
  throw new Error(`No free port between 20000 and 31999 on ${host}.`);
}

/** Takes a name that stands for a port until this process ends: an abstract socket, which leaves no file (unix(7)). */
function claim(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const name = createServer();
    name.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code !== "EADDRINUSE"));
    name.listen({ path: `\0souk-port-${port}` }, () => resolve(true));
    name.unref();
  });
}

/**
 * Makes sure that a server may have a port.
 *
 * @param what the server, for the message
 * @param setting the setting that moves the server to another port
 * @throws Error that names the owner of the port and the remedy
 */
export async function requirePortFree(
  what: string,
  port: number,
  host: string,
  setting: string,
): Promise<void> {
  if (await isPortFree(port, host)) return;
  const owner = findPortOwner(port);
  const by = owner ? `process ${owner.pid} (${owner.command})` : "a process of another user";
  throw new Error(
    `${what} needs port ${port} on ${host}, which is in use by ${by}. End it or set ${setting} to another port.`,
  );
}

/**
 * Finds who listens on a TCP port, on any address of this machine.
 *
 * @returns undefined when nobody listens or the owner's files may not be read
 */
export function findPortOwner(port: number): PortOwner | undefined {
  const sockets = listeningSockets(port);
  if (sockets.size === 0) return undefined;
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (Number.isInteger(pid) && openFiles(pid).some((file) => sockets.has(file))) {
      return { pid, command: commandLine(pid) ?? "unknown program" };
    }
  }
  return undefined;
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => linkTarget(`/proc/${pid}/fd/${fd}`));
  } catch {
    // The process ended meanwhile or belongs to somebody else.
    return [];
  }
}

function linkTarget(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    // The file was closed meanwhile.
    return "";
  }
}

/** The sockets that listen on a port, written as the links under /proc/<pid>/fd write them (proc(5)). */
function listeningSockets(port: number): Set<string> {
  const sockets = new Set<string>();
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    let lines: string[] = [];
    try {
      lines = readFileSync(table, "latin1").split("\n").slice(1);
    } catch {
      // A kernel without IPv6 has no second table.
    }
    for (const line of lines) {
      const columns = line.trim().split(/\s+/);
      const listens = columns[3] === "0A";
      if (listens && columns[1]?.endsWith(wanted)) sockets.add(`socket:[${columns[9]}]`);
    }
  }
  return sockets;
}
