import { appendFile, mkdtemp, open, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { ENDINGS } from "./collect.ts";
import { type Finding, type FindSecrets, secretFinder } from "./find-secrets.ts";
import type { Secret } from "./secrets-of.ts";

/** What a run of tests leaves behind, to be searched for the secrets that it used. */
export interface Evidence {
  readonly folder: string;
  /** Searches everything for every secret. */
  search(): Promise<{
    readonly findings: readonly Finding[];
    readonly secrets: number;
    readonly bytes: number;
  }>;
  remove(): Promise<void>;
}

/** The beginning of the header of each JSON Web Token: whosever token it is, it stands nowhere. */
const ANY_TOKEN: Secret = { value: "eyJhbGciOi", where: "a token" };
const PART_BYTES = 2 ** 24;
/** Longer than any secret: parts of a file overlap by as much. */
const OVERLAP_BYTES = 2 ** 12;

/** Makes the folder for the evidence of one run. */
export async function openEvidence(): Promise<Evidence> {
  const folder = await mkdtemp(join(tmpdir(), "souk-evidence-"));
  return {
    folder,
    async search() {
      const names = await readdir(folder);
      const secrets = new Map([[ANY_TOKEN.value, ANY_TOKEN]]);
      for (const name of names.filter((it) => it.endsWith(ENDINGS.secrets))) {
        for (const secret of await readSecrets(join(folder, name))) secrets.set(secret.value, secret);
      }
      const find = secretFinder([...secrets.values()]);
      const findings: Finding[] = [];
      let bytes = 0;
      for (const name of names.filter((it) => it.endsWith(ENDINGS.texts))) {
        bytes += await searchFile(join(folder, name), find, (found) => findings.push(...found));
      }
      return { findings, secrets: secrets.size, bytes };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * Leaves the records of the audit, as the services of all tests told of them, for the search.
 *
 * @param folder the evidence
 * @param natsUrl where the tests' streams are
 */
export async function leaveAuditRecords(folder: string, natsUrl: string): Promise<void> {
  const connection = await connect({ servers: natsUrl });
  try {
    const manager = await jetstreamManager(connection);
    for await (const { config, state } of manager.streams.list()) {
      if (!config.name.endsWith("-mesh") || state.messages === 0) continue;
      const consumer = await jetstream(connection).consumers.get(config.name);
      const messages = await consumer.fetch({ max_messages: state.messages, expires: 5_000 });
      const payloads: Uint8Array[] = [];
      for await (const message of messages) payloads.push(message.data);
      await appendFile(join(folder, `audit${ENDINGS.texts}`), Buffer.concat(payloads));
    }
  } finally {
    await connection.close();
  }
}

async function readSecrets(file: string): Promise<Secret[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}

async function searchFile(
  file: string,
  find: FindSecrets,
  tell: (found: Finding[]) => void,
): Promise<number> {
  const handle = await open(file);
  try {
    const part = Buffer.alloc(PART_BYTES + OVERLAP_BYTES);
    let position = 0;
    for (;;) {
      const { bytesRead } = await handle.read(part, 0, part.length, position);
      tell(find(part.subarray(0, bytesRead)));
      if (bytesRead < part.length) return position + bytesRead;
      position += PART_BYTES;
    }
  } finally {
    await handle.close();
  }
}
