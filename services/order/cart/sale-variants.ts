import { ProductService, type SaleVariant } from "#gen/souk/product/v1/product_pb.ts";
import type { RootScope } from "#kit/rpc/root-scope.ts";
import type { Scope } from "#kit/scope.ts";

/** What was asked of product, by variant: undefined where the variant is not on sale. */
export type SaleVariants = ReadonlyMap<string, SaleVariant | undefined>;

/** For whom and in what currency variants are priced. */
export interface Market {
  /** An ISO 4217 code. */
  readonly currency: string;
  readonly groups: readonly string[];
}

/**
 * Asks product for variants as they are on sale now, with one call at most; none when all are known.
 *
 * @param scope the work
 * @param market for whom
 * @param ids the variants, 200 at most, in lower case; one may stand several times
 * @param known what was asked for before
 * @returns what was known and what was asked for
 */
export type ReadSaleVariants = (
  scope: Scope,
  market: Market,
  ids: readonly string[],
  known?: SaleVariants,
) => Promise<SaleVariants>;

/** How many variants product takes at a time. */
const MOST_ASKED = 200;
const ASK_MS = 2_000;
/** How long one waits for the question under way to be answered before the next is asked beside it, in ms. */
const PATIENCE_MS = 5;

/** A question that is still open for others of the same market. */
interface Question {
  readonly market: Market;
  /** The first who asks. */
  readonly scope: Scope;
  readonly ids: Set<string>;
  readonly answer: PromiseWithResolvers<SaleVariants>;
  readonly timer: NodeJS.Timeout;
}

/**
 * Makes what asks product: those who come while a question is under way ask the next one together, so that many at
 * once cost few calls. Each is asked after the last who joined it came, so nobody gets what was true before.
 *
 * @param rootScope makes the scope of a question that is nobody's alone
 */
export function saleVariantReader(rootScope: RootScope): ReadSaleVariants {
  const open = new Map<string, Question>();
  let underWay = 0;

  function join(scope: Scope, market: Market, ids: ReadonlySet<string>): Promise<SaleVariants> {
    const key = `${market.currency} ${market.groups}`;
    const full = open.get(key);
    if (full !== undefined && full.ids.size + ids.size > MOST_ASKED) send(key);
    const question = open.get(key) ?? {
      market,
      scope,
      ids: new Set(),
      answer: Promise.withResolvers(),
      timer: setTimeout(send, PATIENCE_MS, key),
    };
    open.set(key, question);
    for (const id of ids) question.ids.add(id);
    if (underWay === 0) send(key);
    return question.answer.promise;
  }

  function send(key: string): void {
    const question = open.get(key);
    if (question === undefined) return;
    const { answer, timer } = question;
    open.delete(key);
    clearTimeout(timer);
    underWay++;
    ask(question)
      .finally(() => {
        underWay--;
        if (underWay === 0) for (const other of [...open.keys()]) send(other);
      })
      .then(answer.resolve, answer.reject);
  }

  async function ask({ scope: { requestId, traceparent }, market, ids }: Question): Promise<SaleVariants> {
    const scope = rootScope({
      requestId,
      timeoutMs: ASK_MS,
      ...(traceparent !== undefined && { traceparent }),
    });
    const { variants } = await scope.mesh(ProductService).batchGetVariants({
      ids: [...ids],
      currency: market.currency,
      customerGroups: [...market.groups],
    });
    return new Map(variants.map((sale) => [sale.variant?.id ?? "", sale]));
  }

  return async (scope, market, ids, known = new Map()) => {
    const unknown = new Set(ids.filter((id) => !known.has(id)));
    if (unknown.size === 0) return known;
    const answer = await join(scope, market, unknown);
    return new Map([...known, ...[...unknown].map((id) => [id, answer.get(id)] as const)]);
  };
}

/**
 * What one of a variant costs in a line: the lowest price that holds for its quantity.
 *
 * @param sale what product said of the variant; undefined when it is not on sale
 * @param currency an ISO 4217 code
 * @param quantity how many the line has
 * @returns in minor units; undefined when the variant cannot be bought in the currency
 */
export function unitPriceOf(
  sale: SaleVariant | undefined,
  currency: string,
  quantity: bigint,
): bigint | undefined {
  const holding = (sale?.prices ?? []).filter(({ minQuantity }) => minQuantity <= quantity);
  const prices = [sale?.variant?.price, ...holding.map(({ price }) => price)]
    .filter((price) => price?.currency === currency)
    .map((price) => price?.minor ?? 0n);
  return prices.length === 0 ? undefined : prices.reduce((low, minor) => (minor < low ? minor : low));
}
