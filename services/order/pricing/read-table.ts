import { isCountry, noCountry } from "#kit/country.ts";

/** Reads a part of a table that a merchant wrote as JSON, or throws an Error that names it. */
export type Reader<T> = (value: unknown, path: string) => T;

/**
 * Reads a text.
 *
 * @param pattern what it must look like
 */
export function text(pattern = /^.{1,100}$/): Reader<string> {
  return (value, path) => {
    if (typeof value === "string" && pattern.test(value)) return value;
    throw new Error(`${path} must be a text that matches ${pattern}`);
  };
}

/** Reads a country, ISO 3166-1 alpha-2. */
export const country: Reader<string> = (value, path) => {
  if (typeof value === "string" && isCountry(value)) return value;
  throw new Error(`${path} ${noCountry(String(value))}`);
};

/** Reads a country, or "country-region" for a part of one. */
export const place: Reader<string> = (value, path) => {
  const [code, region] = /^([^-]*)(?:-(.{1,100}))?$/.exec(String(value))?.slice(1) ?? [];
  country(code, path);
  return region === undefined ? (code as string) : `${code}-${region}`;
};

/** Reads yes or no. */
export const flag: Reader<boolean> = (value, path) => {
  if (typeof value === "boolean") return value;
  throw new Error(`${path} must be true or false`);
};

/**
 * Reads one of some texts.
 *
 * @param choices the texts
 */
export function oneOf<const T extends string>(...choices: readonly T[]): Reader<T> {
  return (value, path) => {
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw new Error(`${path} must be one of ${choices.join(", ")}`);
  };
}

/** Reads a whole number, 0 or more. */
export const whole: Reader<number> = (value, path) => {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${path} must be a whole number, 0 or more`);
};

/** Reads a whole number, 0 or more, as what amounts are reckoned with. */
export const amount: Reader<bigint> = (value, path) => BigInt(whole(value, path));

/**
 * Reads a list.
 *
 * @param each reads what is in it
 */
export function listOf<T>(each: Reader<T>): Reader<T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new Error(`${path} must be a list`);
    return value.map((it, index) => each(it, `${path}[${index}]`));
  };
}

/**
 * Reads values by name.
 *
 * @param name reads a name
 * @param each reads a value
 */
export function recordOf<T>(name: Reader<string>, each: Reader<T>): Reader<Record<string, T>> {
  return (value, path) => {
    const entries = Object.entries(objectIn(value, path));
    return Object.fromEntries(
      entries.map(([key, it]) => [name(key, `${path}.${key}`), each(it, `${path}.${key}`)]),
    );
  };
}

/**
 * Reads an object with certain fields and no others.
 *
 * @param required its fields
 * @param optional those that may be left out
 */
export function shape<R extends Readers, O extends Readers = Record<never, never>>(
  required: R,
  optional?: O,
): Reader<Read<R> & Partial<Read<O>>> {
  return (value, path) => {
    const given = objectIn(value, path);
    const known: Readers = { ...required, ...optional };
    const strange = Object.keys(given).find((key) => known[key] === undefined);
    if (strange !== undefined) throw new Error(`${path}.${strange} is not known; take it out`);
    const present = Object.entries(known).filter(([key]) => key in required || given[key] !== undefined);
    const read = present.map(([key, reader]) => [key, reader(given[key], `${path}.${key}`)]);
    return Object.fromEntries(read) as Read<R> & Partial<Read<O>>;
  };
}

type Readers = Readonly<Record<string, Reader<unknown>>>;
/** What readers of fields read. */
type Read<R extends Readers> = { readonly [K in keyof R]: ReturnType<R[K]> };

function objectIn(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Error(`${path} must be an object`);
}
