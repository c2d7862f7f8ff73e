import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { NotificationDatabase } from "../database.ts";
import { TOPICS, type Topic } from "../topics.ts";
import { checkWishes, type Wish } from "./check-wishes.ts";
import { switchOf } from "./unwanted.ts";

/** What a user wants to be told, and how. */
export interface Preferences {
  /** One for each topic and channel. */
  readonly wishes: readonly (Wish & { readonly required: boolean })[];
  /** Changes with each change. */
  readonly etag: string;
}

/** What a user wants to be told; who never said gets everything. */
export async function getPreferences(db: NotificationDatabase, userId: string): Promise<Preferences> {
  const kept = await db.sql
    .selectFrom("preferences")
    .select(["version", "switched_off"])
    .where("user_id", "=", userId)
    .executeTakeFirst();
  return preferencesOf(kept?.version ?? 0, new Set(kept?.switched_off));
}

/**
 * Changes what a user wants to be told; what the wishes do not name stays.
 *
 * @param wishes the changes
 * @param etag as the caller knows the preferences; "" where that does not matter
 * @throws SoukError TOPIC_NOT_FOUND, PREFERENCE_REQUIRED, INVALID_REQUEST or ETAG_MISMATCH
 */
export async function updatePreferences(
  db: NotificationDatabase,
  scope: Scope,
  userId: string,
  wishes: readonly Wish[],
  etag: string,
): Promise<Preferences> {
  checkWishes(wishes);
  return db.write(scope, async (tx) => {
    const kept = await tx.sql
      .insertInto("preferences")
      .values({ user_id: userId, switched_off: [] })
      // Changes nothing, but locks what is there.
      .onConflict((conflict) => conflict.column("user_id").doUpdateSet({ user_id: userId }))
      .returning(["version", "switched_off"])
      .executeTakeFirstOrThrow();
    if (etag !== "" && etag !== String(kept.version)) {
      throw refuseMesh(
        MeshReason.ETAG_MISMATCH,
        "the preferences were changed meanwhile; read them and change them again",
      );
    }
    const before = new Set(kept.switched_off);
    const after = new Set(kept.switched_off);
    for (const { topic, channel, enabled } of wishes) {
      const name = switchOf(topic, channel);
      if (enabled) after.delete(name);
      else after.add(name);
    }
    if (before.symmetricDifference(after).size === 0) return preferencesOf(kept.version, after);
    const version = kept.version + 1;
    tx.finishWith(
      tx.sql
        .updateTable("preferences")
        .set({ version, switched_off: [...after] })
        .where("user_id", "=", userId)
        .compile(),
    );
    return preferencesOf(version, after);
  });
}

function preferencesOf(version: number, switchedOff: ReadonlySet<string>): Preferences {
  const wishes = Object.entries<Topic>(TOPICS).flatMap(([topic, { channels, required }]) =>
    channels.map((channel) => {
      const isRequired = required.includes(channel);
      const enabled = isRequired || !switchedOff.has(switchOf(topic, channel));
      return { topic, channel, enabled, required: isRequired };
    }),
  );
  return { wishes, etag: String(version) };
}
