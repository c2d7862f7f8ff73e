import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { createTransport } from "nodemailer";
import { type Mailbox, startMailbox } from "../../../deploy/local/mailbox.ts";

async function openMailbox(t: ExecutionContext, dir = makeFolder(t)): Promise<Mailbox> {
  const mailbox = await startMailbox({ dir, smtpPort: 0, httpPort: 0 });
  t.teardown(() => mailbox.stop());
  return mailbox;
}

function makeFolder(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), "souk-mailbox-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const send = (mailbox: Mailbox, mail: object) =>
  createTransport(mailbox.smtpUrl).sendMail({ from: "shop@souk.example", to: "ada@example.org", ...mail });

interface Answer {
  total: number;
  messages: { id: string; subject: string; receivedAt: string }[];
  text: string;
  attachments: object[];
}

async function json(mailbox: Mailbox, path: string): Promise<Answer> {
  return (await fetch(new URL(path, mailbox.url))).json() as Promise<Answer>;
}

test("a mail that was handed in is stored as a file and can be read as JSON", async (t) => {
  const dir = makeFolder(t);
  const mailbox = await openMailbox(t, dir);
  await send(mailbox, {
    subject: "Grüße aus dem Souk",
    text: "Schöne Straße: https://souk.example/verify?t=1&u=2\n",
  });
  const { total, messages } = await json(mailbox, "/api/messages");
  t.is(total, 1);
  t.like(messages[0], { from: "shop@souk.example", to: ["ada@example.org"], subject: "Grüße aus dem Souk" });
  t.true(Math.abs(Date.parse(messages[0]?.receivedAt ?? "") - Date.now()) < 60_000);
  const mail = await json(mailbox, `/api/messages/${messages[0]?.id}`);
  t.is(mail.text.trim(), "Schöne Straße: https://souk.example/verify?t=1&u=2");
  t.deepEqual(readdirSync(dir), [`${messages[0]?.id}.eml`]);
  t.is(statSync(join(dir, `${messages[0]?.id}.eml`)).mode & 0o777, 0o600);
});

test("mails are listed newest first, and those to one address alone", async (t) => {
  const mailbox = await openMailbox(t);
  for (const to of ["ada@example.org", "bob@example.org", "ada@example.org, eve@example.org"]) {
    await send(mailbox, { to, subject: `to ${to}`, text: "hello" });
  }
  const subjects = async (path: string) => (await json(mailbox, path)).messages.map(({ subject }) => subject);
  const [first, second, third] = [
    "to ada@example.org",
    "to bob@example.org",
    "to ada@example.org, eve@example.org",
  ];
  t.deepEqual(await subjects("/api/messages"), [third, second, first]);
  t.deepEqual(await subjects("/api/messages?to=ada@example.org"), [third, first]);
  t.deepEqual(await subjects("/api/messages?to=nobody@example.org"), []);
});

test("mails survive a restart", async (t) => {
  const dir = makeFolder(t);
  const first = await startMailbox({ dir, smtpPort: 0, httpPort: 0 });
  await send(first, { subject: "kept", text: "hello" });
  const before = await json(first, "/api/messages");
  await first.stop();
  const second = await openMailbox(t, dir);
  t.deepEqual(await json(second, "/api/messages"), before);
});

test("what a mail holds is shown, not run", async (t) => {
  const mailbox = await openMailbox(t);
  const evil = `<script>alert("1")</script>`;
  await send(mailbox, {
    subject: evil,
    text: `${evil} https://souk.example/"onmouseover="x`,
    html: `<b>hi</b>${evil}`,
  });
  const { messages } = await json(mailbox, "/api/messages");
  const escaped = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;";
  for (const path of ["/", `/messages/${messages[0]?.id}`]) {
    const response = await fetch(new URL(path, mailbox.url));
    const html = await response.text();
    t.false(html.includes("<script"));
    t.true(html.includes(escaped));
    t.false(/"\s*onmouseover/.test(html));
    t.regex(response.headers.get("content-security-policy") ?? "", /^default-src 'none'; style-src 'sha256-/);
    t.is(response.headers.get("x-content-type-options"), "nosniff");
    t.is(response.headers.get("referrer-policy"), "no-referrer");
  }
  const framed = await fetch(new URL(`/messages/${messages[0]?.id}/html`, mailbox.url));
  t.regex(framed.headers.get("content-security-policy") ?? "", /^sandbox; default-src 'none'/);
});

test("links in the text can be followed", async (t) => {
  const mailbox = await openMailbox(t);
  await send(mailbox, { subject: "Verify", text: "Go to https://souk.example/verify?a=1&b=2." });
  const { messages } = await json(mailbox, "/api/messages");
  const html = await (await fetch(new URL(`/messages/${messages[0]?.id}`, mailbox.url))).text();
  const link = "https://souk.example/verify?a=1&amp;b=2";
  t.true(html.includes(`<a href="${link}" rel="noreferrer">${link}</a>.`));
});

test("attachments are named with their type and size", async (t) => {
  const mailbox = await openMailbox(t);
  const attachments = [{ filename: "Rechnung Übersicht.txt", content: "123456" }];
  await send(mailbox, { subject: "Bill", text: "see there", attachments });
  const { messages } = await json(mailbox, "/api/messages");
  const mail = await json(mailbox, `/api/messages/${messages[0]?.id}`);
  t.is(mail.text.trim(), "see there");
  t.like(mail.attachments[0], { type: "text/plain", bytes: 6 });
});

test("there is no way out of the folder, and nothing but reading", async (t) => {
  const mailbox = await openMailbox(t);
  for (const path of [
    "/messages/..%2F..%2Fetc%2Fpasswd",
    "/api/messages/nope",
    "/messages/nope/source",
    "/x",
  ]) {
    t.is((await fetch(new URL(path, mailbox.url))).status, 404);
  }
  t.is((await fetch(mailbox.url, { method: "POST" })).status, 405);
});

test("a page of another name that points at this machine reads nothing", async (t) => {
  const mailbox = await openMailbox(t);
  const status = await new Promise((resolve, reject) => {
    request(mailbox.url, { headers: { host: "rebound.example" } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
  t.is(status, 421);
});

test("a mail that is too large is refused", async (t) => {
  const mailbox = await openMailbox(t);
  await t.throwsAsync(send(mailbox, { subject: "big", text: "x".repeat(80).concat("\n").repeat(140_000) }), {
    message: /552/,
  });
  t.is((await json(mailbox, "/api/messages")).total, 0);
});
