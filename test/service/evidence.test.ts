import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import fc from "fast-check";
import { ENDINGS, EVIDENCE } from "../evidence/collect.ts";
import { secretFinder } from "../evidence/find-secrets.ts";
import { openEvidence } from "../evidence/search-run.ts";
import { SEED } from "../seed.ts";

for (const [leak, places] of Object.entries({ nothing: [], log: [/^log-/], error: [/^test-/] })) {
  test(`the search of a run finds a password that a service tells in: ${leak}`, async (t) => {
    const evidence = await openEvidence();
    t.teardown(evidence.remove);
    const password = `"${randomBytes(9).toString("base64url")}" ä`;
    const env = { ...process.env, [EVIDENCE]: evidence.folder };
    await promisify(execFile)(process.execPath, ["test/evidence/careless.ts", leak, password], { env });
    const { findings, bytes } = await evidence.search();
    t.true(bytes > 200, "the service logged");
    t.is(findings.length, places.length, findings.map(({ around }) => around).join("\n"));
    for (const { secret, around } of findings) {
      t.deepEqual(secret, { value: password, where: "souk.auth.v1.LoginRequest.password" });
      t.false(around.includes(password), "what is found is not told again");
    }
  });
}

test("a secret is found wherever it stands in a text, and nothing else is", (t) => {
  const text = fc.string({ unit: "binary", maxLength: 50 });
  const secret = fc.string({ minLength: 6, maxLength: 20 });
  fc.assert(
    fc.property(text, secret, text, fc.array(secret), (before, value, after, others) => {
      const all = [value, ...others].map((it) => ({ value: it, where: "here" }));
      const whole = Buffer.from(before + value + after);
      const found = new Set(secretFinder(all)(whole).map((it) => it.secret.value));
      t.true(found.has(value));
      const lower = whole.toString();
      for (const it of found) {
        const forms = [it, it.toLowerCase(), JSON.stringify(it).slice(1, -1)];
        t.true(
          forms.some((form) => lower.includes(form) || lower.includes(form.toLowerCase())),
          it,
        );
      }
    }),
    { seed: SEED },
  );
});

test("a secret is found across the parts in which a long file is read", async (t) => {
  const evidence = await openEvidence();
  t.teardown(evidence.remove);
  const value = "correct horse battery staple";
  await writeFile(join(evidence.folder, `a${ENDINGS.secrets}`), `${JSON.stringify({ value, where: "x" })}\n`);
  const long = Buffer.alloc(2 ** 24 + 8_192, "-");
  for (const [n, at] of [2 ** 24 - 10, 2 ** 24 + 4_090, long.length - value.length].entries()) {
    const text = Buffer.from(long);
    text.write(value, at);
    const file = join(evidence.folder, `b${n}${ENDINGS.texts}`);
    await writeFile(file, text);
    const { findings } = await evidence.search();
    t.true(findings.length > n, `at ${at}`);
  }
});
