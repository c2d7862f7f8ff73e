import type { Address } from "./topology.ts";

/** A message of Envoy's API as protobuf's JSON writes it. */
export type Json = Readonly<Record<string, unknown>>;

/**
 * A message together with its type, for the fields that take any message (google.protobuf.Any).
 *
 * @param type the message's full name
 */
export function typed(type: string, message: Json = {}): Json {
  return { "@type": `type.googleapis.com/${type}`, ...message };
}

/**
 * An extension with its configuration.
 *
 * @param name the extension's own name
 * @param type the full name of the message that configures it
 */
export function extension(name: string, type: string, message: Json = {}): Json {
  return { name, typed_config: typed(type, message) };
}

/** A duration as protobuf's JSON writes it, from ms. */
export function duration(ms: number): string {
  return `${ms / 1000}s`;
}

/** An address as Envoy's API writes it. */
export function socketAddress({ host, port }: Address): Json {
  return { socket_address: { address: host, port_value: port } };
}

/** A header that is set, whatever stood in its place. */
export function overwritten(key: string, value: string): Json {
  return { header: { key, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };
}
