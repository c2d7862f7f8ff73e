import { createHash } from "node:crypto";
import test from "ava";
import { uuidv7 } from "uuidv7";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { migrate, migrateDown } from "#kit/data/migrate.ts";
import { migrations } from "../../services/auth/migrations/index.ts";
import { auth } from "../../services/auth/service.ts";
import { startTestMesh } from "../mesh.ts";
import { reasonOf } from "../refusal.ts";
import { createDatabase } from "../stores.ts";
import { connectPool } from "./auth-tables.ts";

test("who is signed in stays so when the tables change, forth and back", async (t) => {
  const { url } = await createDatabase(t);
  await migrate(url, migrations.slice(0, 1));
  const run = connectPool(t, url);
  const [account, open, ended] = [uuidv7(), uuidv7(), uuidv7()];
  const hash = (token: string) => createHash("sha256").update(token).digest();
  await run(
    "insert into account (id, email, password_hash, roles) values ($1, 'ada@example.com', 'x', '{customer}')",
    [account],
  );
  const token = `insert into refresh_token (token_hash, family_id, account_id, expire_time, use_time, revoke_time)
    values ($1, $2, $3, now() + interval '1 day', $4, $5)`;
  await run(token, [hash("spent"), open, account, new Date(), null]);
  await run(token, [hash("good"), open, account, null, null]);
  await run(token, [hash("revoked"), ended, account, null, new Date()]);

  await migrate(url, migrations);
  const mesh = await startTestMesh(t, [auth], { env: { AUTH_DATABASE_URL: url } });
  const nobody = mesh.withToken(AuthService, "");
  const { tokens } = await nobody.refresh({ refreshToken: "good" });
  t.is(await reasonOf(nobody.refresh({ refreshToken: "revoked" })), "REFRESH_TOKEN_INVALID");
  await mesh.stop();

  await migrateDown(url, migrations, "0001_accounts");
  const rows = await run(
    "select family_id, account_id, revoke_time is null as good from refresh_token where use_time is null order by good",
  );
  t.deepEqual(rows, [
    { family_id: ended, account_id: account, good: false },
    { family_id: open, account_id: account, good: true },
  ]);
  await migrate(url, migrations);
  const again = await startTestMesh(t, [auth], { env: mesh.env });
  await t.notThrowsAsync(
    again.withToken(AuthService, "").refresh({ refreshToken: tokens?.refreshToken ?? "" }),
  );
});
