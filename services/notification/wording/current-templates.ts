import type { Logger } from "pino";
import type { NotificationDatabase, NotificationTransaction } from "../database.ts";
import { findById, findByUse } from "./catalogue.ts";
import { parseTemplate, type Template, UnfitText } from "./parse-template.ts";
import type { FindTemplate } from "./write-message.ts";

/** The texts with which events are told. */
export interface CurrentTemplates {
  /**
   * What is told with now.
   *
   * @param tx the transaction of an event
   */
  read(tx: Pick<NotificationTransaction, "run">): Promise<FindTemplate>;
}

/** How long texts are used without a look at what staff wrote meanwhile in another process, in ms. */
const REMEMBER_MS = 2_000;

interface Customized {
  readonly etag: string;
  /** Undefined where it cannot be used. */
  readonly template: Template | undefined;
}

/**
 * Remembers the texts that staff wrote, so that events are told without reading them each time. One that a release
 * made unfit is told of in the log, once, and the one that came with the shop stands in for it.
 *
 * @param db its bell rings for a template that was changed in this process
 * @param log the log
 */
export function currentTemplates(
  { bell }: Pick<NotificationDatabase, "bell">,
  log: Logger,
): CurrentTemplates {
  let customized: ReadonlyMap<string, Customized> = new Map();
  let goodUntil = 0;
  let changes = 0;
  bell.heed((id) => {
    if (findById(id) === undefined) return;
    changes += 1;
    goodUntil = 0;
  });

  function understand(id: string, etag: string, subject: string, body: string): Customized {
    const known = customized.get(id);
    if (known?.etag === etag) return known;
    const own = findById(id);
    // A topic that a release took away.
    if (own === undefined) return { etag, template: undefined };
    try {
      return { etag, template: parseTemplate({ subject, body }, own.placeholders) };
    } catch (error) {
      if (!(error instanceof UnfitText)) throw error;
      const { topic, way } = own;
      log.error(
        { template: id, topic, channel: way, flaws: error.flaws },
        "a customized text is unfit; the one that came with the shop is used",
      );
      return { etag, template: undefined };
    }
  }

  const find: FindTemplate = (topic, way) => {
    const { id, template } = findByUse(topic, way);
    return customized.get(id)?.template ?? template;
  };

  return {
    async read(tx) {
      // A clock that moves with the process, not one that is set.
      const now = performance.now();
      if (now >= goodUntil) {
        const known = changes;
        const { rows } = await tx.run("select template_id, etag, subject, body from customized_template", []);
        customized = new Map(
          rows.map(({ template_id: id, etag, subject, body }) => [id, understand(id, etag, subject, body)]),
        );
        // What was changed after it was read is read again.
        if (known === changes) goodUntil = now + REMEMBER_MS;
      }
      return find;
    },
  };
}
