import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { sealUnder } from "#kit/data/seal.ts";
import { rootScopes } from "#kit/rpc/root-scope.ts";
import type { NotificationDatabase } from "../../services/notification/database.ts";
import type { Outbound } from "../../services/notification/delivery/send-due.ts";
import { endpointBreakers } from "../../services/notification/webhook/endpoint-breakers.ts";
import { createEndpoint } from "../../services/notification/webhook/endpoints.ts";
import { webhookChannel } from "../../services/notification/webhook/webhook-channel.ts";
import type { Webhooks } from "../../services/notification/webhook/webhooks.ts";
import type { Teardown } from "../stores.ts";

/** A call that arrived. */
export interface ReceivedCall {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers a call. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A partner's server, which is called by webhooks. */
export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** What arrived, the first first. */
  readonly calls: ReceivedCall[];
  /** How many connections were made to it. */
  connections(): number;
  /** How many of them are open. */
  open(): Promise<number>;
  /** Has it answer in another way than with 204. */
  answerWith(answer: Answer): void;
}

/** Answers with a status. */
export function status(code: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_, response) => void response.writeHead(code, headers).end();
}

/** Starts a partner's server on the loopback. */
export async function startReceiver(t: Teardown): Promise<Receiver> {
  const calls: ReceivedCall[] = [];
  let answer = status(204);
  let connections = 0;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    calls.push({ method: request.method ?? "", headers: request.headers, body });
    answer(request, response);
  });
  server.on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(async () => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/souk`,
    port,
    calls,
    connections: () => connections,
    open: () => new Promise((resolve) => server.getConnections((_, count) => resolve(count))),
    answerWith(other) {
      answer = other;
    },
  };
}

/** What webhooks of a test are kept and called with: those of a development machine, unless it says otherwise. */
export function webhooksOf(t: Teardown, db: NotificationDatabase, more: Partial<Webhooks> = {}): Webhooks {
  const log = pino({ level: "silent" });
  const breakers = endpointBreakers(100_000, log);
  t.teardown(async () => breakers.stop());
  const seal = sealUnder("a secret of the tests, known to all of them", "souk/notification/webhooks");
  return { db, seal, toPrivate: true, breakers, callMs: 30_000, log, ...more };
}

/** What endpoints are called with, in such a way that what was not taken is due again at once. */
export function callsOf(t: Teardown, db: NotificationDatabase): Outbound {
  return { db, channel: webhookChannel(webhooksOf(t, db), 0), log: pino({ level: "silent" }) };
}

/** What webhooks of a test are changed under. */
export const scope = rootScopes(pino({ level: "silent" }), () => {
  throw new Error("notification calls no other service");
})({ timeoutMs: 600_000 });

/** Adds an endpoint and says which. */
export async function addEndpoint(webhooks: Webhooks, url: string): Promise<string> {
  const events = ["souk.order.v1.OrderConfirmed"];
  return (await createEndpoint(webhooks, scope, { url, description: "", events })).endpoint.id;
}

/** The signatures that came with a call. */
export function signaturesOf(call: ReceivedCall | undefined): string[] {
  return String(call?.headers["webhook-signature"])
    .split(" ")
    .filter((it) => it.startsWith("v1,"));
}
