import test from "ava";
import { headerOf, parseMail } from "../../../deploy/local/mail-message.ts";

const parse = (...lines: string[]) => parseMail(Buffer.from(lines.join("\r\n"), "latin1"));

test("folded and encoded header fields are put together", (t) => {
  const mail = parse(
    "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=",
    " =?ISO-8859-1?Q?_an_Ren=E9?=",
    "From: a@b",
    "",
    "x",
  );
  t.is(headerOf(mail, "subject"), "Grüße an René");
  t.is(headerOf(mail, "To"), "");
});

test("quoted-printable and base64 text is decoded in its character set", (t) => {
  const quoted = [
    "Content-Type: text/plain; charset=iso-8859-1",
    "Content-Transfer-Encoding: quoted-printable",
  ];
  t.is(parse(...quoted, "", "Stra=DFe=", " 1 =3D 1").text, "Straße 1 = 1");
  const base64 = ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64"];
  t.is(parse(...base64, "", Buffer.from("naïve").toString("base64")).text, "naïve");
});

test("of alternatives inside other parts, the text and the HTML are found", (t) => {
  const mail = parse(
    'Content-Type: multipart/mixed; boundary="outer"',
    "",
    "This is for old programs.",
    "--outer",
    "Content-Type: multipart/alternative; boundary=inner",
    "",
    "--inner",
    "Content-Type: text/plain",
    "",
    "plain",
    "--inner",
    "Content-Type: text/html",
    "",
    "<p>rich</p>",
    "--inner--",
    "--outer",
    'Content-Type: application/pdf; name="bill.pdf"',
    "Content-Disposition: attachment",
    "Content-Transfer-Encoding: base64",
    "",
    "AAAA",
    "--outer--",
  );
  t.is(mail.text, "plain");
  t.is(mail.html, "<p>rich</p>");
  t.deepEqual(mail.attachments, [{ name: "bill.pdf", type: "application/pdf", bytes: 3 }]);
});

test("what is malformed is taken as it stands", (t) => {
  t.is(parse("no header at all").text, "");
  t.is(parse("", "only a body").text, "only a body");
  t.is(parse("Content-Type: multipart/mixed", "", "no boundary").text, undefined);
  t.is(parse("Content-Type: text/plain; charset=no-such-set", "", "still").text, "still");
});
