import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test, { type ExecutionContext } from "ava";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { auth } from "../../../services/auth/service.ts";
import { startTestMesh } from "../../mesh.ts";
import { reasonOf } from "../../refusal.ts";

const PASSWORD = "a long way to the top";

/** Runs the command with something on standard input. */
async function admin(args: readonly string[], input: string, env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, ["deploy/local/admin.ts", ...args], {
    env: { PATH: process.env["PATH"], ...env },
  });
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit") as Promise<[number]>,
  ]);
  return { code, out, err };
}

function emptyFolder(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), "souk-admin-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test("the first administrator is made by a command that reads the password from standard input", async (t) => {
  const mesh = await startTestMesh(t, [auth]);
  const env = { OPERATOR_SERVICE_KEY: mesh.env["OPERATOR_SERVICE_KEY"] };
  const address = ["--address", `127.0.0.1:${mesh.port("auth")}`];
  const create = ["create", "--email", "boss@example.com", ...address];
  const made = await admin(create, `${PASSWORD}\n`, env);
  t.is(made.code, 0, made.err);
  t.regex(made.out, /^boss@example.com may do everything now/);
  t.notRegex(made.out + made.err, new RegExp(PASSWORD));

  const nobody = mesh.withToken(AuthService, "");
  const { user, tokens } = await nobody.login({ email: "boss@example.com", password: PASSWORD });
  t.deepEqual(user?.roles, ["customer", "admin"]);
  const access = mesh.withToken(AccessService, tokens?.accessToken ?? "");
  t.is((await access.listAccounts({ role: "admin" })).accounts.length, 1);

  const again = await admin(create, `${PASSWORD}\n`, env);
  t.is(again.code, 1);
  t.regex(again.err, /an account with this e-mail address exists/);
  const weak = await admin(["create", "--email", "b@example.com", ...address], "1234567890\n", env);
  t.is(weak.code, 1);
  t.is(
    await reasonOf(nobody.login({ email: "b@example.com", password: "1234567890" })),
    "CREDENTIALS_INVALID",
  );
});

test("a command line that lacks something is answered with how it should be", async (t) => {
  for (const args of [[], ["create"], ["remove", "--email", "a@b.c"], ["create", "--password", "x"]]) {
    const { code, err } = await admin(args, PASSWORD, { SOUK_DATA_DIR: emptyFolder(t) });
    t.is(code, 78, args.join(" "));
    t.regex(err, /npm run admin -- create --email/);
  }
});

test("in production the operator's key is never one that was made for development", async (t) => {
  const env = { NODE_ENV: "production", SOUK_DATA_DIR: emptyFolder(t) };
  const { code, err } = await admin(["create", "--email", "boss@example.com"], PASSWORD, env);
  t.is(code, 78);
  t.regex(err, /NODE_ENV is production.*OPERATOR_SERVICE_KEY/);
});
