import { connect } from "node:net";

/** What a connection knows of its session on the server. */
export interface Session {
  readonly host: string;
  readonly port: number;
  readonly processID: number;
  readonly secretKey: number;
}

const CANCEL_REQUEST = 80_877_102;
const GIVE_UP_MS = 1_000;

/**
 * Asks the server to end what a session is doing (PostgreSQL protocol, CancelRequest). The request has a
 * connection of its own and no answer; it may come when the statement is over, and would then hit the next.
 *
 * @param session whose statement it is
 */
export function requestCancel({ host, port, processID, secretKey }: Session): void {
  const message = Buffer.alloc(16);
  message.writeInt32BE(message.length, 0);
  message.writeInt32BE(CANCEL_REQUEST, 4);
  message.writeInt32BE(processID, 8);
  message.writeInt32BE(secretKey, 12);
  const socket = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
  // Where the server cannot be reached the statement ends by its own time limit.
  socket.on("error", () => {});
  socket.setTimeout(GIVE_UP_MS, () => socket.destroy());
  socket.resume();
  socket.end(message);
}
