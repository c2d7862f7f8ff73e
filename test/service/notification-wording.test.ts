import test from "ava";
import fc from "fast-check";
import { Channel } from "#gen/souk/notification/v1/preference_pb.ts";
import { html } from "../../services/notification/templates/html.ts";
import { TOPICS } from "../../services/notification/topics.ts";
import { CHANNELS, catalogue, placeOf } from "../../services/notification/wording/catalogue.ts";
import { fillMail, fillNotification } from "../../services/notification/wording/fill-template.ts";
import { parseTemplate, UnfitText } from "../../services/notification/wording/parse-template.ts";
import { type Placeholders, passage } from "../../services/notification/wording/placeholders.ts";
import { SEED } from "../seed.ts";

const placeholders: Placeholders = {
  number: "word",
  tracking: "optional word",
  link: "needed block",
  pieces: "block",
  message: "optional passage",
};
const values = {
  number: "7",
  tracking: "DHL 1",
  link: { text: "https://shop.example/#1", html: html`<p><a href="https://shop.example/#1">here</a></p>` },
  pieces: { text: "1 × lamp", html: html`<ul><li>1 × lamp</li></ul>` },
  message: passage("Hi <you>,\nall is well."),
};

function mail(body: string, more: Partial<typeof values> = {}, subject = "Order {{number}}") {
  const filled = fillMail(parseTemplate({ subject, body }, placeholders), { ...values, ...more });
  return { ...filled, html: filled.html.html };
}

test("there is one text for each topic and channel, in a stable order, and its id stays", (t) => {
  const wanted = Object.entries(TOPICS).flatMap(([topic, { channels }]) =>
    channels.map((channel: Channel) => `${topic} ${channel} en`),
  );
  t.deepEqual(
    catalogue.map((it) => placeOf(it).join(" ")),
    wanted.sort(),
  );
  t.is(new Set(catalogue.map(({ id }) => id)).size, catalogue.length);
  for (const { id } of catalogue)
    t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const confirmed = catalogue.find(({ topic, way }) => topic === "order-confirmed" && way === "email");
  t.is(confirmed?.id, "6ee94bff-6316-558a-9aba-0e7704420780", "rows of shops that run name it");
  t.is(CHANNELS.email, Channel.EMAIL);
});

test("each text can be shown with a sample of an event of its topic", (t) => {
  const shop = { name: "Souk", url: "https://shop.example" };
  for (const { topic, way, notice, template, placeholders } of catalogue) {
    const facts = notice.read(notice.sample(topic), shop);
    t.is(facts.topic, topic);
    const known = { ...facts.values, shop: shop.name };
    for (const name of Object.keys(placeholders)) t.true(name in known, `${topic}: ${name}`);
    const { title, body } = fillNotification(template, known);
    t.notRegex(title + body, /\{\{|undefined/, `${topic} ${way}`);
  }
});

test("a text becomes paragraphs, lists and links, and what stands in it is never HTML", (t) => {
  const {
    subject,
    text,
    html: page,
  } = mail(`Order {{ number }} & <b>more</b>
goes by {{tracking}}:
{{pieces}}

{{link}}

https://shop.example/help?a=1&b=2

{{message}}`);
  t.is(subject, "Order 7");
  t.is(
    text,
    `Order 7 & <b>more</b>
goes by DHL 1:

1 × lamp

https://shop.example/#1

https://shop.example/help?a=1&b=2

Hi <you>,

all is well.`,
  );
  const help = "https://shop.example/help?a=1&amp;b=2";
  t.is(
    page,
    `<p>Order 7 &amp; &lt;b&gt;more&lt;/b&gt;<br>
goes by DHL 1:</p>
<ul><li>1 × lamp</li></ul>
<p><a href="https://shop.example/#1">here</a></p>
<p><a href="${help}">${help}</a></p>
<p>Hi &lt;you&gt;,</p>
<p>all is well.</p>`,
  );
});

test("a paragraph in which a placeholder has nothing to say is left out, and no other", (t) => {
  const body = "Go:\n{{link}}\n\nBy {{tracking}}:\n{{pieces}}\n\n{{message}}\n\nBye";
  t.is(mail(body, { tracking: "  ", message: passage("\n") }).text, "Go:\n\nhttps://shop.example/#1\n\nBye");
  const shown = fillNotification(
    parseTemplate(
      { subject: "{{number}}", body: "Sent.\n\n{{tracking}}.\n\n{{message}}" },
      { ...placeholders, link: "block" },
    ),
    values,
  );
  t.deepEqual(shown, { title: "7", body: "Sent. DHL 1. Hi <you>, all is well." });
});

test("whatever stands for a placeholder is text on one line, and neither a placeholder nor markup", (t) => {
  const nasty = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "{{link}}",
      "{{",
      "x\r\nBcc: eve@example.com",
      "https://evil.example",
      "<img>",
      "a\u2028b\n\nc",
      "$&",
    ),
  );
  const property = fc.property(nasty, (number) => {
    const { subject, text, html: page } = mail("{{number}}\n\nA {{number}}\n\n{{link}}", { number });
    const [first, second, ...rest] = text.split("\n\n");
    const line = number.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
    t.deepEqual([first, second, rest], [line, `A ${line}`, ["https://shop.example/#1"]]);
    t.is(subject, `Order ${line}`);
    t.is(page.match(/<a /g)?.length, 1);
    t.deepEqual([...page.matchAll(/<\/?(\w+)/g)].map(([, tag]) => tag).join(" "), "p p p p p a a p");
  });
  fc.assert(property, { seed: SEED });
});

for (const [what, text, field, told] of [
  [
    "names what is not there",
    { body: "{{link}}\n\n{{price}}" },
    "body",
    /^\{\{price\}\} is not known here; there may be \{\{number\}\}, /,
  ],
  [
    "names a property of every object",
    { body: "{{link}} {{constructor}}" },
    "body",
    /^\{\{constructor\}\} is not known/,
  ],
  [
    "writes a placeholder in capitals",
    { body: "{{link}}\n\n{{Number}}" },
    "body",
    /^\{\{Number\}\} is no placeholder; there may be/,
  ],
  ["leaves braces open", { body: "{{link}}\n\n{{number\n}}" }, "body", /^\{\{ is no placeholder/],
  ["closes braces that it did not open", { body: "{{link}}\n\nnumber}}" }, "body", /^\}\} is no placeholder/],
  ["has three braces", { body: "{{link}}\n\n{{{number}}}" }, "body", /^\{\{\{number\}\}\} is no placeholder/],
  [
    "puts a list into a line",
    { body: "{{link}}\n\nOf it {{pieces}}" },
    "body",
    /^\{\{pieces\}\} must stand on a line of its own/,
  ],
  ["has a list twice", { body: "{{link}}\n{{pieces}}\n{{pieces}}" }, "body", /^has \{\{pieces\}\} twice/],
  ["lacks what it is worth nothing without", { body: "Hello" }, "body", /^lacks \{\{link\}\}/],
  [
    "might leave that out",
    { body: "By {{tracking}}:\n{{link}}" },
    "body",
    /^has \{\{link\}\} in a paragraph that is left out where \{\{tracking\}\}/,
  ],
  ["says nothing", { body: " \n\n " }, "body", /^says nothing/],
  ["has control characters", { body: "{{link}}\n\u001b[2J" }, "body", /^has control characters/],
  [
    "has a list in the subject",
    { subject: "{{pieces}}" },
    "subject",
    /^\{\{pieces\}\} is not known here; there may be \{\{number\}\}$/,
  ],
  [
    "has in the subject what may be nothing",
    { subject: "{{tracking}}" },
    "subject",
    /^\{\{tracking\}\} is not known here/,
  ],
  ["has a line break in the subject", { subject: "Order\nBcc: eve@example.com" }, "subject", /^is one line/],
  ["has no subject", { subject: " " }, "subject", /^says nothing/],
] as const) {
  test(`a text that ${what} is refused with what is wrong`, (t) => {
    const error = t.throws(() => parseTemplate({ subject: "Hi", body: "{{link}}", ...text }, placeholders), {
      instanceOf: UnfitText,
    });
    const flaw = error?.flaws.find((it) => it.field === field && told.test(it.description));
    t.truthy(flaw, error?.message);
  });
}

test("a text of any length is looked through in no time, and few of its flaws are told", (t) => {
  for (const piece of ["{", "}", "{{", "{{a", "\n", "\n ", "{{x}}", "{ } "]) {
    const body = piece.repeat(50_000 / piece.length);
    const error = t.throws(() => parseTemplate({ subject: "Hi", body }, placeholders), {
      instanceOf: UnfitText,
    });
    t.true((error?.message.length ?? 0) < 2_000, piece);
  }
});
