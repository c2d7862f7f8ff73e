import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import test from "ava";
import { sendDue } from "../../services/notification/delivery/send-due.ts";
import { mailRows, notificationDatabase, outboundOf, queueMail, startServer } from "./notification-post.ts";

test("after a crash between sending and noting it, the mail goes out again under the same Message-ID", async (t) => {
  const db = await notificationDatabase(t);
  const received: string[] = [];
  const child = Promise.withResolvers<ChildProcess>();
  const { url } = await startServer(t, {
    async onData(stream, _, done) {
      let mail = "";
      for await (const chunk of stream) mail += chunk;
      received.push(mail);
      // The server has the mail, but the sender dies before it hears so.
      if (received.length === 1) (await child.promise).kill("SIGKILL");
      else done();
    },
  });
  const eventId = await queueMail(db, "ada@example.com");
  const victim = fileURLToPath(new URL("notification-victim.ts", import.meta.url));
  const process_ = spawn(process.execPath, [victim, db.url, url], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  t.teardown(async () => void process_.kill("SIGKILL"));
  child.resolve(process_);
  await once(process_, "exit");

  const outbound = outboundOf(t, db, url);
  t.false(await sendDue(outbound), "until the lease ends the mail is the victim's");
  t.is(received.length, 1);
  await db.pool.run("update delivery set next_attempt_at = now()");
  await sendDue(outbound);
  t.deepEqual(
    received.map((mail) => /^Message-ID: (.*)\r$/m.exec(mail)?.[1]),
    [`<${eventId}@souk.example>`, `<${eventId}@souk.example>`],
  );
  t.like(await mailRows(db), [{ state: "DELIVERED", attempts: 2 }]);
});

test("a mail that ends the process each time is given up in the end", async (t) => {
  const db = await notificationDatabase(t);
  const { url } = await startServer(t, {});
  await queueMail(db, "ada@example.com");
  await db.pool.run("update delivery set attempts = 12");
  await sendDue(outboundOf(t, db, url));
  t.like(await mailRows(db), [{ state: "FAILED", last_error: "no attempt came to an end" }]);
});
