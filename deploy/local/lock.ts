import { mkdirSync, statSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { resolve as resolvePath } from "node:path";

/** The right of this process to a data folder. */
export interface Lock {
  /** Sets what a second start is told to be running, e.g. "storefront http://127.0.0.1:3000". */
  announce(addresses: readonly string[]): void;
  /** Gives the folder free. It is free as well when this process ends, in whatever way. */
  release(): Promise<void>;
}

interface Holder {
  pid: number;
  addresses: readonly string[];
}

/**
 * Takes a data folder for this process alone. The lock is a socket in Linux' abstract namespace (unix(7)),
 * named after the folder's device and inode: the kernel gives it to one process only and frees it when that
 * process dies, so there is no stale lock to take over, and who comes second can ask the holder who it is.
 *
 * @param dir the data folder; made when it is missing
 * @throws Error that names the holder's pid and addresses when the folder is taken
 */
export async function acquireLock(dir: string): Promise<Lock> {
  mkdirSync(dir, { recursive: true });
  const { dev, ino } = statSync(dir);
  const name = `\0souk-${dev}-${ino}`;
  const holder: Holder = { pid: process.pid, addresses: [] };
  for (let attempt = 1; ; attempt++) {
    const server = await listen(name, holder);
    if (server) {
      return {
        announce: (addresses) => {
          holder.addresses = addresses;
        },
        release: () => new Promise((resolve) => server.close(() => resolve())),
      };
    }
    const other = await ask(name);
    // It may just be ending; then the name is free in a moment.
    if (other === "gone" && attempt < 10) continue;
    throw new Error(heldMessage(dir, other === "gone" ? undefined : other));
  }
}

function listen(name: string, holder: Holder): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(JSON.stringify(holder));
    });
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => {
      // The lock alone is no reason to stay.
      server.unref();
      resolve(server);
    });
  });
}

/** Asks the holder who it is; undefined when it does not say so within two seconds, as when it is suspended. */
function ask(name: string): Promise<Holder | "gone" | undefined> {
  return new Promise((resolve) => {
    const socket: Socket = connect(name);
    let text = "";
    socket.setTimeout(2000, () => socket.destroy());
    socket.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    socket.on("error", () => resolve("gone"));
    socket.on("close", () => {
      try {
        resolve(JSON.parse(text));
      } catch {
        resolve(undefined);
      }
    });
  });
}

function heldMessage(dir: string, holder: Holder | undefined): string {
  const folder = resolvePath(dir);
  if (!holder)
    return `Souk is already running on ${folder}, in a process that does not answer. End it first.`;
  const lines = holder.addresses.map((address) => `\n  ${address}`).join("");
  return (
    `Souk is already running on ${folder}: process ${holder.pid}${lines ? `, which serves${lines}` : "."}` +
    `\nUse it, or end it with Ctrl-C in its terminal or with: kill ${holder.pid}`
  );
}
