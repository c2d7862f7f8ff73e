import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { policyOf } from "#kit/contract.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { gateway } from "../../services/gateway/program.ts";
import { startTestMesh } from "../mesh.ts";
import type { Teardown } from "../stores.ts";
import type { Incoming } from "./gateway-exchange.ts";
import { enveloped, envelopesOf, type Outcome, outcomeOf } from "./gateway-outcome.ts";

/** A protocol by which a call may come, and how it writes messages. */
export type Protocol = "connect+json" | "connect+proto" | "grpc-web+proto" | "grpc+proto";

/** The shop as it looks from outside: a gateway, and whoever may do most. */
export interface Outside {
  /**
   * Calls a method with bytes that may or may not be a request of it, as one who may call it.
   *
   * @param protocol Connect with JSON when left out
   */
  send(method: DescMethod, body: Uint8Array, protocol?: Protocol): Promise<Outcome>;
  /** As `send` by Connect with JSON, over HTTP/1.1. */
  sendOverHttp1(method: DescMethod, body: Uint8Array): Promise<Outcome>;
}

/**
 * Starts the whole shop in this process, and a connection to its gateway.
 *
 * @param t what it stops after
 */
export async function openOutside(t: Teardown): Promise<Outside> {
  // Some methods end the session of the user who calls them; the others shall be looked at all the same.
  const env = { NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1", SOUK_ACCESS_POLL_MS: "3600000" };
  const mesh = await startTestMesh(t, [...servicePrograms, gateway], { env });
  const url = `http://127.0.0.1:${mesh.port("gateway", "http")}`;
  const session = connect(url);
  await once(session, "connect");
  t.teardown(async () => session.destroy());
  const operator = serviceTokens("operator", JSON.parse(mesh.env["OPERATOR_SERVICE_KEY"] as string));
  const overHttp2: Post = (...request) => post(session, ...request);
  const overHttp1: Post = (...request) => postOverHttp1(url, ...request);
  const user = await register(session);
  let sent = 0;
  const headersFor = (method: DescMethod) => {
    const token = policyOf(method).access.permission === "" ? user : operator();
    return { authorization: `Bearer ${token}`, "idempotency-key": `key-${sent++}` };
  };
  return {
    send: (method, body, protocol = "connect+json") =>
      exchange(overHttp2, method, body, protocol, headersFor(method)),
    sendOverHttp1: (method, body) => exchange(overHttp1, method, body, "connect+json", headersFor(method)),
  };
}

async function register(session: ClientHttp2Session): Promise<string> {
  const account = {
    email: "ada@example.com",
    password: "correct horse battery",
    firstName: "Ada",
    lastName: "L",
  };
  const body = Buffer.from(JSON.stringify(account));
  const answer = await post(session, "/souk.auth.v1.AuthService/Register", body, "application/json", {});
  return JSON.parse(answer.body.toString()).tokens.accessToken;
}

type Post = (
  path: string,
  body: Uint8Array,
  type: string,
  headers: Readonly<Record<string, string>>,
) => Promise<Incoming>;

/** Connect has bare messages for methods without streams; all else comes in envelopes. */
async function exchange(
  post: Post,
  method: DescMethod,
  body: Uint8Array,
  protocol: Protocol,
  headers: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const path = `/${method.parent.typeName}/${method.name}`;
  const isBare = method.methodKind === "unary" && protocol.startsWith("connect+");
  const type = isBare ? protocol.replace("connect+", "application/") : `application/${protocol}`;
  return outcomeOf(await post(path, isBare ? body : enveloped(body), type, headers));
}

/** Some streams of answers go on until somebody hangs up: their first message is enough. */
async function post(
  session: ClientHttp2Session,
  path: string,
  body: Uint8Array,
  type: string,
  headers: Readonly<Record<string, string>>,
): Promise<Incoming> {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": type,
    "connect-timeout-ms": "10000",
    ...headers,
  });
  let trailers = {};
  stream.once("trailers", (it) => {
    trailers = it;
  });
  stream.end(body);
  const [answered] = await once(stream, "response");
  let read = Buffer.alloc(0);
  for await (const part of stream) {
    read = Buffer.concat([read, part]);
    if (type.startsWith("application/connect+") && envelopesOf(read).length > 0) break;
  }
  // Who is refused early has not sent everything yet, either.
  stream.close();
  return { status: answered[":status"], headers: answered, body: read, trailers };
}

async function postOverHttp1(
  url: string,
  path: string,
  body: Uint8Array,
  type: string,
  headers: Readonly<Record<string, string>>,
): Promise<Incoming> {
  const answer = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": type, "connect-timeout-ms": "10000", ...headers },
    body: Buffer.from(body),
  });
  let read = Buffer.alloc(0);
  for await (const part of answer.body ?? []) {
    read = Buffer.concat([read, part]);
    if (type.startsWith("application/connect+") && envelopesOf(read).length > 0) break;
  }
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: read, trailers: {} };
}
