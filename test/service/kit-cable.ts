import { connect, createServer, type Socket } from "node:net";
import { Transform } from "node:stream";
import { pickFreePort } from "../../deploy/local/ports.ts";
import type { Teardown } from "../stores.ts";

/** A way to a server that a test can cut and make slow. */
export interface Cable {
  /** Leads to the server. */
  readonly url: string;
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>;
  /** Lets connections through again. */
  mend(): Promise<void>;
  /** From now on each piece that passes takes so long, in ms; 0 is at once. */
  slow(ms: number): void;
}

/**
 * Lays a cable to a server.
 *
 * @param t the test after which it is cut
 * @param url the server
 */
export async function layCable(t: Teardown, url: string): Promise<Cable> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let lagMs = 0;
  const lag = () =>
    new Transform({
      transform(piece, _, pass) {
        if (lagMs === 0) pass(null, piece);
        else setTimeout(pass, lagMs, null, piece);
      },
    });
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(lag()).pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  // Nobody else takes it while the cable is cut.
  const port = await pickFreePort();
  await listen(port);
  async function cut(): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  }
  t.teardown(cut);
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = String(port);
  return {
    url: through.href,
    cut,
    mend: () => listen(port),
    slow(ms) {
      lagMs = ms;
    },
  };
}
