import { stopped } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { UserDatabase } from "../database.ts";
import { getProfile } from "../profiles.ts";
import { belongings } from "./belongings.ts";
import { zip } from "./zip.ts";

/** What a piece holds at least, in bytes, so that they are not many. */
const PIECE = 64 * 1024;

/**
 * All that the shop holds about a user as a ZIP archive, in pieces. They are made as fast as they are taken; where a
 * service is away, the archive breaks off with its refusal.
 *
 * @throws SoukError PROFILE_PENDING, or USER_NOT_FOUND once the user was deleted
 */
export async function* exportMyData(
  db: UserDatabase,
  scope: Scope,
  userId: string,
): AsyncGenerator<Uint8Array> {
  await getProfile(db, userId);
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const bytes of zip(belongings(db, scope, userId), new Date())) {
    if (scope.signal.aborted) throw stopped(scope.signal.reason);
    waiting.push(bytes);
    length += bytes.length;
    if (length < PIECE) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    length = 0;
  }
  yield Buffer.concat(waiting);
}
