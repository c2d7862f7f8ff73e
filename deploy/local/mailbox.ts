import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import { join } from "node:path";
import { SMTPServer, type SMTPServerSession } from "smtp-server";
import { headerOf, parseMail } from "./mail-message.ts";
import {
  errorPage,
  listPage,
  type MailSummary,
  mailPolicy,
  messagePage,
  pagePolicy,
} from "./mailbox-pages.ts";
import { requirePortFree } from "./ports.ts";
import { hostAndPort, reachableHost } from "./stores/store.ts";

/** A mailbox that runs. */
export interface Mailbox {
  /** Where to hand mails in, e.g. smtp://127.0.0.1:1025. */
  smtpUrl: string;
  /** Where to read them, e.g. http://127.0.0.1:8025/. */
  url: string;
  /** Ends both servers; the mails stay. */
  stop(): Promise<void>;
}

const largestMail = 10 * 1024 * 1024;
const listed = 200;
const fileName = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z-[\da-f]{8}\.eml$/;

/**
 * Starts a mail server that takes every mail, delivers none, and shows them all: as pages at `/`, as JSON at
 * `/api/messages` (`?to=<address>` for one recipient's) and `/api/messages/<id>`, newest first.
 *
 * @param options.dir the folder for the mails, one .eml file (RFC 5322) each; made when it is missing
 * @param options.smtpPort 1025 by default, 0 for a free one
 * @param options.httpPort 8025 by default, 0 for a free one
 * @param options.host the address to listen on, 127.0.0.1 by default
 * @throws Error that names the owner of a port that is in use
 */
export async function startMailbox(options: {
  dir: string;
  smtpPort?: number;
  httpPort?: number;
  host?: string;
}): Promise<Mailbox> {
  const { dir, smtpPort = 1025, httpPort = 8025, host = "127.0.0.1" } = options;
  mkdirSync(dir, { recursive: true });
  const mails = readFolder(dir);
  const smtp = createSmtpServer((raw, session) => {
    mails.unshift(storeMail(dir, raw, session));
  });
  const http = createServer((request, response) => answer(dir, mails, request, response));
  http.requestTimeout = 10_000;

  if (smtpPort !== 0) await requirePortFree("The mailbox (SMTP)", smtpPort, host, "SOUK_SMTP_PORT");
  if (httpPort !== 0) await requirePortFree("The mailbox (HTTP)", httpPort, host, "SOUK_MAILBOX_PORT");
  const smtpAddress = await listen(smtp, smtp.server, smtpPort, host);
  const httpAddress = await listen(http, http, httpPort, host);
  return {
    smtpUrl: `smtp://${hostAndPort(reachableHost(host), smtpAddress.port)}`,
    url: `http://${hostAndPort(reachableHost(host), httpAddress.port)}/`,
    stop: async () => {
      http.closeAllConnections();
      await Promise.all([
        new Promise<void>((resolve) => smtp.close(resolve)),
        new Promise<void>((resolve) => http.close(() => resolve())),
      ]);
    },
  };
}

function createSmtpServer(deliver: (raw: Buffer, session: SMTPServerSession) => void): SMTPServer {
  const server = new SMTPServer({
    banner: "Souk mailbox",
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    size: largestMail,
    closeTimeout: 1000,
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => {
        // What is too large is read to its end, as the protocol wants, but not kept.
        if (!stream.sizeExceeded) chunks.push(chunk);
      });
      stream.on("end", () => {
        try {
          if (stream.sizeExceeded) throw tooLarge();
          deliver(Buffer.concat(chunks), session);
        } catch (error) {
          done(error as Error);
          return;
        }
        done();
      });
    },
  });
  // A client that breaks off is no reason to end.
  server.on("error", () => {});
  return server;
}

function tooLarge(): Error {
  const error = new Error(`A mail may have ${largestMail} bytes.`);
  return Object.assign(error, { responseCode: 552 });
}

function listen(
  server: { listen(port: number, host: string, ready: () => void): unknown },
  emitter: Server | NetServer,
  port: number,
  host: string,
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    emitter.once("error", reject);
    server.listen(port, host, () => {
      emitter.off("error", reject);
      resolve(emitter.address() as AddressInfo);
    });
  });
}

/** Stores a mail, with the envelope it came in on top, as a mail server does that delivers (RFC 5321, 4.4). */
function storeMail(dir: string, raw: Buffer, session: SMTPServerSession): MailSummary {
  const receivedAt = new Date().toISOString();
  const id = `${receivedAt.replace(/[:.]/g, "-")}-${randomBytes(4).toString("hex")}`;
  const from = session.envelope.mailFrom ? session.envelope.mailFrom.address : "";
  const to = session.envelope.rcptTo.map(({ address }) => address);
  const envelope = `Return-Path: <${from}>\r\n${to.map((address) => `Delivered-To: ${address}\r\n`).join("")}`;
  const content = Buffer.concat([Buffer.from(envelope), raw]);
  const file = join(dir, `${id}.eml`);
  // Whole or not at all for who looks, but not flushed: mails that are only caught need not outlast a power cut.
  writeFileSync(`${file}.tmp`, content, { mode: 0o600, flag: "wx" });
  renameSync(`${file}.tmp`, file);
  return summarize(id, content);
}

function readFolder(dir: string): MailSummary[] {
  return readdirSync(dir)
    .filter((name) => fileName.test(name))
    .sort()
    .reverse()
    .map((name) => summarize(name.slice(0, -".eml".length), readFileSync(join(dir, name))));
}

function summarize(id: string, raw: Buffer): MailSummary {
  const message = parseMail(raw);
  const [date, time] = id.split("T");
  const [hours, minutes, seconds, milliseconds] = (time ?? "").split("-");
  return {
    id,
    from: headerOf(message, "From"),
    to: message.headers.filter(([name]) => name === "Delivered-To").map(([, value]) => value),
    subject: headerOf(message, "Subject"),
    receivedAt: `${date}T${hours}:${minutes}:${seconds}.${milliseconds}`,
  };
}

interface Reply {
  status: number;
  type: string;
  body: string | Buffer;
  policy?: string;
}

const page = (status: number, body: string): Reply => ({ status, type: "text/html; charset=utf-8", body });
const json = (status: number, value: unknown): Reply => ({
  status,
  type: "application/json",
  body: JSON.stringify(value),
});

function answer(
  dir: string,
  mails: readonly MailSummary[],
  request: IncomingMessage,
  response: ServerResponse,
): void {
  let reply: Reply;
  try {
    reply = replyTo(dir, mails, request);
  } catch (error) {
    reply = page(500, errorPage(`The mail cannot be shown: ${(error as Error).message}`));
  }
  response.writeHead(reply.status, {
    "content-type": reply.type,
    "content-length": Buffer.byteLength(reply.body),
    "content-security-policy": reply.policy ?? pagePolicy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
    ...(reply.status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : reply.body);
}

function replyTo(dir: string, mails: readonly MailSummary[], request: IncomingMessage): Reply {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return page(405, errorPage("Mails can only be read here"));
  }
  if (!isOwnName(request)) return page(421, errorPage("This is not the host you asked for"));
  const url = new URL(request.url ?? "/", "http://mailbox");
  if (url.pathname === "/") return page(200, listPage(mails.slice(0, listed), mails.length));
  if (url.pathname === "/api/messages") {
    const to = url.searchParams.get("to");
    const chosen = to === null ? mails : mails.filter((mail) => mail.to.includes(to));
    return json(200, { total: chosen.length, messages: chosen.slice(0, listed) });
  }
  const [, api, id, view] = /^(\/api)?\/messages\/([\w-]+)(?:\/(html|source))?$/.exec(url.pathname) ?? [];
  const mail = mails.find((candidate) => candidate.id === id);
  if (!mail) {
    const problem = "There is no such mail";
    return api ? json(404, { error: problem }) : page(404, errorPage(problem));
  }
  const raw = readFileSync(join(dir, `${mail.id}.eml`));
  if (view === "source") return { status: 200, type: "text/plain; charset=utf-8", body: raw };
  const message = parseMail(raw);
  if (view === "html") return { ...page(200, message.html ?? ""), policy: mailPolicy };
  return api ? json(200, { ...mail, ...message }) : page(200, messagePage(mail, message));
}

/**
 * Whether a request that came in over the loopback names this machine. A web page whose own name was pointed
 * at 127.0.0.1 does not, and could otherwise read the mails, sign-in links included.
 */
function isOwnName(request: IncomingMessage): boolean {
  if (!/^(::1|(::ffff:)?127\.)/.test(request.socket.localAddress ?? "")) return true;
  const name = (request.headers.host ?? "").replace(/:\d+$/, "");
  return name === "localhost" || name === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(name);
}
