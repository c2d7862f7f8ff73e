import { join } from "node:path";
import { type Mailbox, startMailbox } from "./mailbox.ts";
import type { LocalConfig } from "./settings.ts";
import { databases } from "./shop.ts";
import { startNats } from "./stores/nats.ts";
import { startPostgres } from "./stores/postgres.ts";
import { startRedis } from "./stores/redis.ts";
import type { Store } from "./stores/store.ts";
import type { Supervisor } from "./supervisor.ts";

/** What the shop keeps its data in. */
export interface Stores {
  readonly postgres: Store;
  readonly nats: Store;
  readonly redis: Store | undefined;
  readonly mailbox: Mailbox;
}

/**
 * Finds or brings the stores, all at the same time.
 *
 * @param config where they keep their data and listen
 * @param supervisor keeps them alive
 * @param say gets a line when something takes long or is done to the machine
 * @throws Error that names the remedy when one that is needed is not to be had
 */
export async function startStores(
  { dataDir, host, ports }: LocalConfig,
  supervisor: Supervisor,
  say: (line: string) => void,
): Promise<Stores> {
  const options = (name: string, port: number) => ({
    dataDir: join(dataDir, name),
    supervisor,
    host,
    port,
    log: say,
  });
  const [postgres, nats, redis, mailbox] = await Promise.all([
    startPostgres({ ...options("postgres", ports.postgres), databases }),
    startNats(options("nats", ports.nats)),
    startRedis(options("redis", ports.redis)),
    startMailbox({ dir: join(dataDir, "mailbox"), smtpPort: ports.smtp, httpPort: ports.mailbox, host }),
  ]);
  return { postgres, nats, redis, mailbox };
}
