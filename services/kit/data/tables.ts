import type { EntitySchema, InferKyselyDB } from "@mikro-orm/postgresql";

/** The entities of a service, each made by defineEntity. */
// biome-ignore lint/suspicious/noExplicitAny: entities of all shapes stand in one list.
export type Entities = readonly (EntitySchema<any, any> & { readonly name: string })[];

/** The tables of entities as the query builder knows them: named as in the database, with raw columns. */
export type Tables<E extends Entities> = InferKyselyDB<E[number]>;
