import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { policyOf } from "#kit/contract.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { gateway } from "../../services/gateway/program.ts";
import { startTestMesh } from "../mesh.ts";
import type { Teardown } from "../stores.ts";

/** How a call from outside ended. */
export interface Answer {
  /** The code as Connect writes it, for example "invalid_argument"; "ok" when the call succeeded. */
  readonly code: string;
  readonly message: string;
}

/** The shop as it looks from outside: a gateway, and whoever may do most. */
export interface Outside {
  /** Calls a method with bytes that may or may not be a request of it in JSON, as one who may call it. */
  send(method: DescMethod, body: Uint8Array): Promise<Answer>;
}

/**
 * Starts the whole shop in this process, and a connection to its gateway.
 *
 * @param t what it stops after
 */
export async function openOutside(t: Teardown): Promise<Outside> {
  const env = { NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1" };
  const mesh = await startTestMesh(t, [...servicePrograms, gateway], { env });
  const session = connect(`http://127.0.0.1:${mesh.port("gateway", "http")}`);
  await once(session, "connect");
  t.teardown(async () => session.destroy());
  const operator = serviceTokens("operator", JSON.parse(mesh.env["OPERATOR_SERVICE_KEY"] as string));
  const user = await register(session);
  let sent = 0;
  return {
    async send(method, body) {
      const token = policyOf(method).access.permission === "" ? user : operator();
      return exchange(session, method, body, {
        authorization: `Bearer ${token}`,
        "idempotency-key": `key-${sent++}`,
      });
    },
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

/** Speaks the Connect protocol: bare messages for methods without streams, envelopes for the others. */
async function exchange(
  session: ClientHttp2Session,
  method: DescMethod,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const path = `/${method.parent.typeName}/${method.name}`;
  if (method.methodKind === "unary") {
    const answer = await post(session, path, body, "application/json", headers);
    return answer.status === 200 ? { code: "ok", message: "" } : errorOf(answer.body);
  }
  const answer = await post(session, path, envelope(body), "application/connect+json", headers);
  if (answer.status !== 200) return errorOf(answer.body);
  const [first] = envelopesOf(answer.body);
  const error = first?.isEnd ? JSON.parse(first.message.toString()).error : undefined;
  return error === undefined ? { code: "ok", message: "" } : { message: "", ...error };
}

/** Some streams of answers go on until somebody hangs up: their first message is enough. */
async function post(
  session: ClientHttp2Session,
  path: string,
  body: Uint8Array,
  type: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number; body: Buffer }> {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": type,
    "connect-timeout-ms": "10000",
    ...headers,
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
  return { status: answered[":status"], body: read };
}

function errorOf(body: Buffer): Answer {
  const { code, message = "" } = JSON.parse(body.toString());
  return { code, message };
}

function envelope(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The whole envelopes at the beginning of some bytes; one with flag 2 ends the stream. */
function envelopesOf(bytes: Buffer): { isEnd: boolean; message: Buffer }[] {
  const envelopes: { isEnd: boolean; message: Buffer }[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    envelopes.push({ isEnd: ((bytes[at] ?? 0) & 2) !== 0, message: bytes.subarray(at + 5, end) });
    at = end;
  }
  return envelopes;
}
