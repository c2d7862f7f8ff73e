import assert from "node:assert/strict";
import type { DescService } from "@bufbuild/protobuf";
import type { AsyncCommand } from "fast-check";
import { SoukError } from "#kit/error.ts";
import type { MeshClient } from "#kit/mesh/client.ts";
import type { Identity } from "../mesh.ts";
import type { Model } from "./model.ts";

/** The shop as commands see it. */
export interface Counter {
  /** Calls a service as other services do. */
  call<S extends DescService>(service: S, identity: Identity): MeshClient<S>;
  /** Asks the database of a service. */
  ask<Row extends object>(database: string, sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Does what a service does from time to time, at once: what is due is dealt with when it is done. */
  runJob(job: Job): Promise<void>;
  /** Something that no other story uses, for idempotency keys and addresses. */
  unique(): string;
}

/** Jobs that follow when time has passed. */
export type Job = "expire-reservations" | "expire-authorizations" | "expire-carts";

/** A step of a story. */
export type Command = AsyncCommand<Model, Counter>;

/**
 * Makes a step of a story.
 *
 * @param name what it is called where a story is told
 * @param args what it is done with, for the same place
 * @param run does it in the model and in the shop, and compares
 * @param check whether it can be done; always when left out
 */
export function command(
  name: string,
  args: object,
  run: (model: Model, shop: Counter) => Promise<void>,
  check: (model: Readonly<Model>) => boolean = () => true,
): Command {
  const told = JSON.stringify(args, (_, value) => (typeof value === "bigint" ? Number(value) : value));
  return { check, run, toString: () => `${name} ${told}` };
}

/** What a call came to: its answer, or the reason with which it was refused. */
export type Outcome<R> = { readonly answer: R } | { readonly refused: string; readonly error: SoukError };

/**
 * Waits for a call.
 *
 * @throws what is no refusal with a reason
 */
export async function outcomeOf<R>(call: Promise<R>): Promise<Outcome<R>> {
  try {
    return { answer: await call };
  } catch (error) {
    if (error instanceof SoukError && error.reason !== "") return { refused: error.reason, error };
    throw error;
  }
}

/**
 * The answer of a call that must not be refused.
 *
 * @throws AssertionError when it was refused
 */
export function answered<R>(outcome: Outcome<R>): R {
  if ("answer" in outcome) return outcome.answer;
  throw outcome.error;
}

/**
 * Requires a refusal.
 *
 * @param reason with which reason
 * @returns what it says beside the reason
 */
export function refused(outcome: Outcome<unknown>, reason: string): Readonly<Record<string, string>> {
  assert.ok("refused" in outcome, `it was not refused with ${reason}`);
  assert.equal(outcome.refused, reason, outcome.error.message);
  return outcome.error.metadata;
}
