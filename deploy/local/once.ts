import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeFileAtomically } from "./files.ts";

/**
 * Does something unless it was done before to the same effect; what was done is remembered in the
 * data folder.
 *
 * @param dataDir the data folder
 * @param name what is done
 * @param state what the effect depends on
 * @param work does it
 */
export async function onceFor(
  dataDir: string,
  name: string,
  state: string,
  work: () => Promise<void>,
): Promise<void> {
  const file = join(dataDir, "done", name);
  const wanted = createHash("sha256").update(state).digest("hex");
  if (readIfThere(file) === wanted) return;
  await work();
  mkdirSync(dirname(file), { recursive: true });
  writeFileAtomically(file, wanted);
}

/** Everything that decides how the databases look: the files with migrations in them. */
export function schemaSources(): string {
  return globSync(["services/*/migrations/*.ts", "services/kit/data/mesh-schema.ts"])
    .sort()
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
