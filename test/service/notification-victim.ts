import { sendDue } from "../../services/notification/delivery/send-due.ts";
import { connect, outboundOf } from "./notification-post.ts";
import { callsOf } from "./notification-receiver.ts";

/**
 * A process to be killed while it sends what is due. Its arguments are the database's URL and the mail server's; without
 * one it calls webhook endpoints.
 */
const [url = "", smtpUrl] = process.argv.slice(2);
const t = { teardown() {} };
const db = connect(url);
await sendDue(smtpUrl === undefined ? callsOf(t, db) : outboundOf(t, db, smtpUrl));
