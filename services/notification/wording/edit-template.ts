import { type Selectable, sql } from "kysely";
import { uuidv7 } from "uuidv7";
import type { Tables } from "#kit/data/tables.ts";
import { MeshReason, refuseMesh } from "#kit/error.ts";
import type { Scope } from "#kit/scope.ts";
import type { NotificationDatabase, NotificationTransaction } from "../database.ts";
import type { entities } from "../entities.ts";
import { ErrorReason, refuse } from "../errors.ts";
import type { Shop } from "../templates/message.ts";
import { TOPICS } from "../topics.ts";
import { catalogue, compare, findById, placeOf, type ShopTemplate } from "./catalogue.ts";
import { fillNotification } from "./fill-template.ts";
import { type Flaw, parseTemplate, type Template, type Text, UnfitText } from "./parse-template.ts";
import { mailOf, valuesOf } from "./write-message.ts";

type StoredTemplate = Selectable<Tables<typeof entities>["customized_template"]>;

/** A template with the text that it has now. */
export interface EditedTemplate {
  readonly own: ShopTemplate;
  /** What staff wrote; undefined while it is as it came with the shop. */
  readonly customized: StoredTemplate | undefined;
}

/** Which templates are listed. */
export interface TemplateFilter {
  /** "" for any. */
  readonly topic: string;
  /** "" for any. */
  readonly locale: string;
  /** The place of the last one that was given; undefined for the beginning. */
  readonly after: readonly string[] | undefined;
  /** How many at most. */
  readonly limit: number;
}

/**
 * Templates in the order of topic, channel and language.
 *
 * @throws SoukError TOPIC_NOT_FOUND
 */
export async function listTemplates(
  db: NotificationDatabase,
  { topic, locale, after, limit }: TemplateFilter,
): Promise<EditedTemplate[]> {
  if (topic !== "" && !Object.hasOwn(TOPICS, topic)) {
    const message = `there is no topic ${topic}; list all templates to see which there are`;
    throw refuse(ErrorReason.TOPIC_NOT_FOUND, message, { metadata: { topic } });
  }
  const found = catalogue
    .filter((it) => topic === "" || it.topic === topic)
    .filter((it) => locale === "" || it.locale.toLowerCase() === locale.toLowerCase())
    .filter((it) => after === undefined || compare(placeOf(it), after) > 0)
    .slice(0, limit);
  const ids = found.map(({ id }) => id);
  const rows = await db.sql
    .selectFrom("customized_template")
    .selectAll()
    .where("template_id", "=", (it) => it.fn.any(it.val(ids)))
    .execute();
  return found.map((own) => ({ own, customized: rows.find((it) => it.template_id === own.id) }));
}

/**
 * A template.
 *
 * @throws SoukError TEMPLATE_NOT_FOUND
 */
export async function getTemplate(db: NotificationDatabase, id: string): Promise<EditedTemplate> {
  const own = knownTemplate(id);
  return { own, customized: await readCustomized(db, own) };
}

/**
 * Gives a template another text. One that says this already is left as it is.
 *
 * @param etag what the caller read; empty takes any
 * @throws SoukError TEMPLATE_NOT_FOUND, TEMPLATE_INVALID, ETAG_MISMATCH
 */
export function updateTemplate(
  db: NotificationDatabase,
  scope: Scope,
  id: string,
  wanted: Text,
  etag: string,
): Promise<EditedTemplate> {
  const own = knownTemplate(id);
  const text = tidy(wanted);
  understand(text, own);
  return db.write(scope, async (tx) => {
    await lockTemplate(tx, own);
    const now = { own, customized: await readCustomized(tx, own) };
    if (isSame(textOf(now), text)) return now;
    if (etag !== "" && etag !== etagOf(now)) {
      const message = "the template changed meanwhile; read it and change it again";
      throw refuseMesh(MeshReason.ETAG_MISMATCH, message);
    }
    if (isSame(own.text, text)) return forget(tx, own);
    tx.ring(own.id);
    const change = { ...text, etag: uuidv7() };
    const customized = await tx.sql
      .insertInto("customized_template")
      .values({ template_id: own.id, ...change })
      .onConflict((it) => it.column("template_id").doUpdateSet({ ...change, update_time: sql<Date>`now()` }))
      .returningAll()
      .executeTakeFirstOrThrow();
    return { own, customized };
  });
}

/**
 * Gives a template the text that came with the shop.
 *
 * @throws SoukError TEMPLATE_NOT_FOUND
 */
export function resetTemplate(db: NotificationDatabase, scope: Scope, id: string): Promise<EditedTemplate> {
  const own = knownTemplate(id);
  return db.write(scope, async (tx) => {
    await lockTemplate(tx, own);
    return forget(tx, own);
  });
}

/** What a text would come to. */
export interface Preview {
  readonly subject: string;
  readonly body: string;
  /** Empty where it is no mail. */
  readonly html: string;
}

/**
 * What a text would come to for an event as it might come.
 *
 * @param shop who writes
 * @param tried the text to try; the template's own where it is empty
 * @throws SoukError TEMPLATE_NOT_FOUND, TEMPLATE_INVALID
 */
export async function previewTemplate(
  db: NotificationDatabase,
  shop: Shop,
  id: string,
  tried: Text,
): Promise<Preview> {
  const edited = await getTemplate(db, id);
  const { own } = edited;
  const now = textOf(edited);
  const text = tidy({ subject: tried.subject || now.subject, body: tried.body || now.body });
  const template = understand(text, own);
  const facts = own.notice.read(own.notice.sample(own.topic), shop);
  if (own.way === "shop") {
    const { title, body } = fillNotification(template, valuesOf(facts, shop));
    return { subject: title, body, html: "" };
  }
  const mail = mailOf(facts, shop, template);
  return { subject: mail.subject, body: mail.text, html: mail.html };
}

/** The text that a template has now. */
export function textOf({ own, customized }: EditedTemplate): Text {
  return customized === undefined ? own.text : { subject: customized.subject, body: customized.body };
}

/** Changes with each change of a template. */
export function etagOf({ own, customized }: EditedTemplate): string {
  return customized?.etag ?? own.etag;
}

/** What keeps the text of a template from being used: a release may have taken away a placeholder that it has. */
export function flawsOf(edited: EditedTemplate): readonly Flaw[] {
  try {
    parseTemplate(textOf(edited), edited.own.placeholders);
    return [];
  } catch (error) {
    if (error instanceof UnfitText) return error.flaws;
    throw error;
  }
}

function knownTemplate(id: string): ShopTemplate {
  const own = findById(id.toLowerCase());
  if (own !== undefined) return own;
  const message = `there is no template ${id}; list the templates to see which there are`;
  throw refuse(ErrorReason.TEMPLATE_NOT_FOUND, message);
}

function understand(text: Text, own: ShopTemplate): Template {
  try {
    return parseTemplate(text, own.placeholders);
  } catch (error) {
    if (!(error instanceof UnfitText)) throw error;
    throw refuse(ErrorReason.TEMPLATE_INVALID, error.message, { violations: error.flaws });
  }
}

/** Whoever typed it, on whatever machine: lines end in one way, and what nobody sees at the ends is gone. */
function tidy({ subject, body }: Text): Text {
  return { subject: subject.trim(), body: body.replaceAll(/\r\n?/g, "\n").trim() };
}

function isSame(one: Text, other: Text): boolean {
  return one.subject === other.subject && one.body === other.body;
}

async function forget(tx: NotificationTransaction, own: ShopTemplate): Promise<EditedTemplate> {
  tx.ring(own.id);
  await tx.sql.deleteFrom("customized_template").where("template_id", "=", own.id).execute();
  return { own, customized: undefined };
}

function readCustomized(
  { sql }: Pick<NotificationDatabase, "sql">,
  { id }: ShopTemplate,
): Promise<StoredTemplate | undefined> {
  return sql.selectFrom("customized_template").selectAll().where("template_id", "=", id).executeTakeFirst();
}

/** Changes of a template come one after the other; it may have no row to lock. */
async function lockTemplate(tx: NotificationTransaction, { id }: ShopTemplate): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${id}, 0))`.execute(tx.sql);
}
