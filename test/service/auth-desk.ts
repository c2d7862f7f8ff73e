import { uuidv7 } from "uuidv7";
import { AccessService } from "#gen/souk/auth/v1/access_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import type { Program } from "#kit/program.ts";
import type { ServiceProgram } from "#kit/service.ts";
import { auth } from "../../services/auth/service.ts";
import { notification } from "../../services/notification/service.ts";
import { eventually } from "../eventually.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import type { Teardown } from "../stores.ts";
import { connectPool } from "./auth-tables.ts";
import { openMailbox, type ReceivedMail } from "./notification-post.ts";

export const PASSWORD = "correct horse battery";

/** Somebody who signed in. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** AuthService as that person. */
  readonly client: MeshClient<typeof AuthService>;
}

/** Auth, and others beside it, as a test uses them. */
export interface AuthDesk {
  readonly mesh: TestMesh;
  /** AuthService as somebody who is not signed in. */
  readonly nobody: MeshClient<typeof AuthService>;
  /** AccessService as the operator. */
  readonly operator: MeshClient<typeof AccessService>;
  /** Auth's tables, to let time pass in them. */
  run(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  register(): Promise<Person>;
  /** Signs somebody in once more. */
  login(person: Pick<Person, "email">, password?: string): Promise<Person>;
  /** Registers somebody and gives them roles beside that of a customer. */
  staff(...roles: string[]): Promise<Person>;
  /** Mails that somebody got, newest first; only where the desk has a mailbox. */
  mailsTo(email: string): Promise<ReceivedMail[]>;
  /** The token in the newest mail with such a subject, once it is there. */
  mailedToken(email: string, subject: RegExp): Promise<string>;
}

/** How a desk differs from the usual. */
export interface DeskOptions {
  readonly programs?: readonly (ServiceProgram | Program)[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether mails are sent, to a mailbox. */
  readonly mail?: boolean;
}

/**
 * Has every delay after too many attempts last for an hour more, so that no machine is too slow to be delayed.
 *
 * @param desk the desk
 */
export async function prolongDelays({ run }: AuthDesk): Promise<void> {
  await run(`create function prolong() returns trigger language plpgsql as $$
    begin
      if new.blocked_until > now() then new.blocked_until = new.blocked_until + interval '1 hour'; end if;
      return new;
    end $$`);
  await run(
    "create trigger prolong before insert or update on failed_attempt for each row execute function prolong()",
  );
}

/** How often services ask what access tokens stand for in tests, in ms. */
const POLL_MS = "50";

/** Opens a desk. */
export async function openDesk(
  t: Teardown,
  { programs = [], env = {}, mail = false }: DeskOptions = {},
): Promise<AuthDesk> {
  const mailbox = mail ? await openMailbox(t) : undefined;
  const all = [auth, ...(mail ? [notification] : []), ...programs];
  const smtp = mailbox && { NOTIFICATION_SMTP_URL: mailbox.smtpUrl };
  const mesh = await startTestMesh(t, all, { env: { SOUK_ACCESS_POLL_MS: POLL_MS, ...smtp, ...env } });
  const run = connectPool(t, mesh.env["AUTH_DATABASE_URL"] as string);
  const nobody = mesh.withToken(AuthService, "");
  const operator = mesh.as(AccessService);

  const person = ({
    user,
    tokens,
  }: Awaited<ReturnType<typeof nobody.register>> | Awaited<ReturnType<typeof nobody.login>>): Person => ({
    id: user?.id ?? "",
    email: user?.email ?? "",
    accessToken: tokens?.accessToken ?? "",
    refreshToken: tokens?.refreshToken ?? "",
    client: mesh.withToken(AuthService, tokens?.accessToken ?? ""),
  });
  const mailsTo = async (email: string) => (await mailbox?.mailsTo(email)) ?? [];

  const desk: AuthDesk = {
    mesh,
    nobody,
    operator,
    run,
    async register() {
      const email = `${uuidv7()}@example.com`;
      return person(await nobody.register({ email, password: PASSWORD, firstName: "Ada", lastName: "L" }));
    },
    login: async ({ email }, password = PASSWORD) => person(await nobody.login({ email, password })),
    async staff(...roles) {
      const { id, email } = await desk.register();
      for (const role of roles) await operator.grantRole({ accountId: id, role });
      return desk.login({ email });
    },
    mailsTo,
    mailedToken: (email, subject) =>
      eventually(async () => {
        const found = (await mailsTo(email)).find((it) => subject.test(it.subject));
        const token = /Your code: (\S+)/.exec(found?.text ?? "")?.[1];
        if (token === undefined) throw new Error(`${email} got no mail ${subject}`);
        return token;
      }),
  };
  return desk;
}
