import { sendDue } from "../../services/notification/delivery/send-due.ts";
import { connect, outboundOf } from "./notification-post.ts";

/** A process to be killed while it sends mails. Its arguments are the database's URL and the mail server's. */
const [url = "", smtpUrl = ""] = process.argv.slice(2);
await sendDue(outboundOf({ teardown() {} }, connect(url), smtpUrl));
