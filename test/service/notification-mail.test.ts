import test from "ava";
import { pino } from "pino";
import { sendDue } from "../../services/notification/delivery/send-due.ts";
import { MOST_ATTEMPTS } from "../../services/notification/mail/mail-channel.ts";
import {
  connect,
  headersOf,
  mailRows,
  notificationDatabase,
  openMailbox,
  outboundOf,
  queueMail,
  startServer,
} from "./notification-post.ts";

test("a mail arrives exactly as it was stored, once", async (t) => {
  const db = await notificationDatabase(t);
  const mailbox = await openMailbox(t);
  const outbound = outboundOf(t, db, mailbox.smtpUrl);
  const eventId = await queueMail(db, "ada@example.com", "Grüße – 50 % off, “really”");
  t.false(await sendDue(outbound));
  t.false(await sendDue(outbound));
  const mails = await mailbox.mailsTo("ada@example.com");
  t.is(mails.length, 1);
  const [mail] = mails;
  t.like(mail, { to: ["ada@example.com"], subject: "Grüße – 50 % off, “really”" });
  t.is(mail?.text.trim(), "Good day");
  t.is(mail?.html.trim(), "<p>Good day</p>");
  t.is(mail?.from, "Souk <shop@souk.example>");
  t.deepEqual(mail && headersOf(mail, "Message-ID"), [`<${eventId}@souk.example>`]);
  t.deepEqual(mail && headersOf(mail, "Auto-Submitted"), ["auto-generated"]);
  t.deepEqual(await mailRows(db), [
    { recipient: "ada@example.com", state: "DELIVERED", attempts: 1, last_error: null },
  ]);
});

test("of a mail that was sent nothing is kept of what it said", async (t) => {
  const db = await notificationDatabase(t);
  const mailbox = await openMailbox(t);
  await queueMail(db, "ada@example.com");
  const said = () => db.sql.selectFrom("delivery").select(["state", "content"]).execute();
  t.like(await said(), [{ state: "PENDING", content: { text: "Good day", html: "<p>Good day</p>" } }]);
  await sendDue(outboundOf(t, db, mailbox.smtpUrl));
  t.deepEqual(await said(), [{ state: "DELIVERED", content: null }]);
});

test("an address cannot smuggle in other recipients or headers", async (t) => {
  const db = await notificationDatabase(t);
  const mailbox = await openMailbox(t);
  for (const address of [
    "a@example.com, b@example.com",
    "c@example.com\r\nBcc: d@example.com",
    "<e@example.com>\r\nRCPT TO:<f@example.com>",
  ]) {
    await queueMail(db, address);
  }
  while (await sendDue(outboundOf(t, db, mailbox.smtpUrl)));
  for (const address of ["a", "b", "d", "f"])
    t.deepEqual(await mailbox.mailsTo(`${address}@example.com`), []);
});

test("while the mail server is away mails wait as they are; when it is back they go out", async (t) => {
  const db = await notificationDatabase(t);
  const mailbox = await openMailbox(t);
  const outbound = outboundOf(t, db, mailbox.smtpUrl);
  await queueMail(db, "ada@example.com");
  await sendDue(outbound);
  await mailbox.stop();
  await queueMail(db, "bob@example.com");
  for (let n = 0; n < 3; n++)
    await t.throwsAsync(sendDue(outbound), { message: "the server of channel EMAIL is away" });
  t.like(await mailRows(db), [
    { recipient: "ada@example.com", state: "DELIVERED", attempts: 1 },
    { recipient: "bob@example.com", state: "PENDING", attempts: 0 },
  ]);
  await mailbox.start();
  await sendDue(outbound);
  t.is((await mailbox.mailsTo("bob@example.com")).length, 1);
  t.is((await mailbox.mailsTo("ada@example.com")).length, 1);
});

test("a mail that the server will never take is given up at once, and that is told without the address", async (t) => {
  const db = await notificationDatabase(t);
  const { url } = await startServer(t, {
    onRcptTo: ({ address }, _, done) =>
      done(address.startsWith("no") ? reply(550, `no such user ${address}`) : null),
  });
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => lines.push(line) });
  await queueMail(db, "nobody@example.com");
  await queueMail(db, "somebody@example.com");
  await sendDue(outboundOf(t, db, url, { log }));
  const [nobody, somebody] = await mailRows(db);
  t.like(nobody, { state: "FAILED", attempts: 1 });
  t.regex(nobody?.last_error ?? "", /550/);
  t.is(somebody?.state, "DELIVERED");
  t.is(lines.length, 1);
  t.regex(lines[0] ?? "", /a delivery was given up/);
  t.notRegex(lines[0] ?? "", /nobody/);
});

test("a mail that the server does not take for now is tried again, later each time", async (t) => {
  const db = await notificationDatabase(t);
  let asked = 0;
  const { url } = await startServer(t, {
    onRcptTo: (_, __, done) => done(++asked <= 2 ? reply(451, "greylisted") : null),
  });
  const outbound = outboundOf(t, db, url, { retryMs: 600_000 });
  await queueMail(db, "ada@example.com");
  const waits: number[] = [];
  for (let n = 1; n <= 2; n++) {
    await sendDue(outbound);
    const { rows } = await db.pool.run(
      "select round(extract(epoch from next_attempt_at - now()) / 60)::int as minutes from delivery",
    );
    waits.push(rows[0].minutes);
    await db.pool.run("update delivery set next_attempt_at = now()");
  }
  t.deepEqual(waits, [10, 20]);
  t.like(await mailRows(db), [{ state: "PENDING", attempts: 2 }]);
  await sendDue(outbound);
  t.like(await mailRows(db), [{ state: "DELIVERED", attempts: 3, last_error: null }]);
});

test("a mail that is never taken is given up after its attempts", async (t) => {
  const db = await notificationDatabase(t);
  let asked = 0;
  const { url } = await startServer(t, {
    onData(stream, _, done) {
      asked++;
      stream.on("end", () => done(reply(452, "mailbox full"))).resume();
    },
  });
  const outbound = outboundOf(t, db, url);
  await queueMail(db, "ada@example.com");
  for (let n = 0; n < MOST_ATTEMPTS + 3; n++) await sendDue(outbound);
  t.is(asked, MOST_ATTEMPTS);
  const [row] = await mailRows(db);
  t.like(row, { state: "FAILED", attempts: MOST_ATTEMPTS });
  t.regex(row?.last_error ?? "", /452/);
});

test("a mail at which the server breaks off is tried again later and does not hold up the others", async (t) => {
  const db = await notificationDatabase(t);
  const { url, hangUp } = await startServer(t, {
    onData(stream, session, done) {
      const [to] = session.envelope.rcptTo;
      if (to?.address.startsWith("poison")) hangUp(session.id);
      else stream.on("end", () => done()).resume();
    },
  });
  for (const name of ["poison", "ada", "bob"]) await queueMail(db, `${name}@example.com`);
  const outbound = outboundOf(t, db, url, { retryMs: 600_000 });
  while (await sendDue(outbound));
  t.like(await mailRows(db), [
    { recipient: "ada@example.com", state: "DELIVERED" },
    { recipient: "bob@example.com", state: "DELIVERED" },
    { recipient: "poison@example.com", state: "PENDING", attempts: 1 },
  ]);
});

test("replicas that send at the same time send each mail once", async (t) => {
  const db = await notificationDatabase(t);
  const mailbox = await openMailbox(t);
  const addresses = Array.from({ length: 60 }, (_, n) => `user${n}@example.com`);
  for (const address of addresses) await queueMail(db, address);
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      const replica = connect(db.url);
      t.teardown(() => replica.close());
      const outbound = outboundOf(t, replica, mailbox.smtpUrl);
      while (await sendDue(outbound));
    }),
  );
  t.is(await mailbox.count(), addresses.length);
  t.true((await mailRows(db)).every(({ state, attempts }) => state === "DELIVERED" && attempts === 1));
});

function reply(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}
