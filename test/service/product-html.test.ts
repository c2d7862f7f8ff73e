import test from "ava";
import fc from "fast-check";
import { sanitiseHtml } from "../../services/product/catalogue/sanitise-html.ts";
import { SEED } from "../seed.ts";

test("harmless HTML stays, everything else goes", (t) => {
  const cases: [html: string, expected: string][] = [
    ["<p>One<br>two &amp; <strong>three</strong></p>", "<p>One<br>two &amp; <strong>three</strong></p>"],
    ['<p style="color:red" onclick="x()">a</p>', "<p>a</p>"],
    ["a<script>alert('<p>')</script>b<STYLE>p{}</STYLE >c", "abc"],
    ["<img src=x onerror=alert(1)>a<svg><script>x</script></svg>", "a"],
    ["<scr<script>ipt>alert(1)</script>", "ipt&gt;alert(1)"],
    ["<a href='https://a.example/?b=1&amp;c=\"'>x</a>", '<a href="https://a.example/?b=1&amp;c=%22">x</a>'],
    ['<a href=" java\tscript:alert(1)">x</a>', "x"],
    ['<a href="javascript&colon;alert(1)">x</a><a href="&#106;avascript:alert(1)">y</a>', "xy"],
    ['<a href="/relative">x</a><a href="mailto:a@b.example">y</a><a>z</a>', "xyz"],
    ['<a title=">" href="http://a.example">x</a>', '<a href="http://a.example/">x</a>'],
    ["<h1>Big</h1><div>a</div><div>b</div>", "Big\na\nb"],
    ["<p>a<p>b<ul><li>c<li>d</ul>", "<p>a</p><p>b</p><ul><li>c</li><li>d</li></ul>"],
    ["<p><b>a</p>b</b></p></i>", "<p><b>a</b></p>b"],
    ["<li>a</li><li>b</li>", "a\nb"],
    ["1 < 2 & 3 > 2 &lt; &nope &#60;", "1 &lt; 2 &amp; 3 &gt; 2 &lt; &amp;nope &#60;"],
    ["a<!-- <p> -->b<!---->c<!doctype x>d<?php ?>e</>f", "abcdef"],
    ["<ul><p>a<li>b</ul>", "<ul><p>a</p><li>b</li></ul>"],
    ['<a = href="http://a.example">x</a>', '<a href="http://a.example/">x</a>'],
    ["a<p", "a"],
    ["a<!-- never closed", "a"],
    ["a\u0000b\u001b", "ab"],
  ];
  for (const [html, expected] of cases) t.is(sanitiseHtml(html), expected, html);
});

test("sanitised HTML is made of allowed tags only, is balanced, and stays the same when sanitised again", (t) => {
  const piece = fc.oneof(
    fc.constantFrom(
      ..."<p> </p> <b> </b> <ul> <li> </li> </ul> <h2> </h2> <a href='https://a.example/'> </a> <br>".split(
        " ",
      ),
    ),
    fc.constantFrom(
      ..."<script> </script> <div> <svg> <!-- --> < > </ <a =\" ' & &amp; &#x3c; /> href=javascript:x".split(
        " ",
      ),
    ),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const html = sanitiseHtml(pieces.join(""));
      const open: string[] = [];
      const text = html.replace(
        /<(\/?)(p|br|ul|ol|li|strong|em|b|i|h[234]|a)( href="https?:[^"<>]*")?>/g,
        (_, slash, tag) => {
          if (slash === "/") t.is(open.pop(), tag);
          else if (tag !== "br") open.push(tag);
          return "";
        },
      );
      t.notRegex(text, /[<>]/);
      t.deepEqual(open, []);
      t.is(sanitiseHtml(html), html);
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test("the time that hostile HTML takes stays far from growing with the square of its length", (t) => {
  const shapes = ["<", "<a ", "<a =", '<a href="', "<!--", "</", "&", "<p><b>", "<div>", "<script>", "<a / "];
  const run = (length: number) => {
    const start = process.cpuUsage();
    for (const shape of shapes) sanitiseHtml(shape.repeat(Math.ceil(length / shape.length)));
    return process.cpuUsage(start).user / 1000;
  };
  run(65_536);
  t.true(run(16 * 65_536) < 16 * 8 * Math.max(run(65_536), 20));
});
