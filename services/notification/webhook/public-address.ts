import { type LookupAddress, lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** A host leads to an address that is not on the public internet. */
export class LeadsInside extends Error {
  override readonly name = "LeadsInside";

  constructor() {
    super("the host leads to an address that is not on the public internet");
  }
}

/** Addresses of IPv4 that are not on the public internet, as IANA's special-purpose registry has them (RFC 6890). */
const SPECIAL_IPV4: readonly (readonly [string, number])[] = [
  // "This network" and unspecified.
  ["0.0.0.0", 8],
  // Private (RFC 1918).
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  // Shared by the customers of a carrier (RFC 6598).
  ["100.64.0.0", 10],
  // Loopback.
  ["127.0.0.0", 8],
  // Link-local, with the metadata of clouds (RFC 3927).
  ["169.254.0.0", 16],
  // Protocol assignments, documentation, relays of 6to4, benchmarks.
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  // Multicast, reserved and broadcast.
  ["224.0.0.0", 3],
];

/** The part of IPv6 that is handed out as global unicast addresses (RFC 4291, 2.4; RFC 3587). */
const GLOBAL_IPV6: readonly [string, number] = ["2000::", 3];

/** What of it is special (RFC 6890); IPv4-mapped, NAT64, unique local, link-local and multicast lie outside of it. */
const SPECIAL_IPV6: readonly (readonly [string, number])[] = [
  // Protocol assignments, Teredo among them, which carries IPv4.
  ["2001::", 23],
  // 6to4, which carries IPv4 (RFC 3056).
  ["2002::", 16],
  // Documentation.
  ["2001:db8::", 32],
  ["3fff::", 20],
];

const specialIpv4 = listOf(SPECIAL_IPV4, "ipv4");
const globalIpv6 = listOf([GLOBAL_IPV6], "ipv6");
const specialIpv6 = listOf(SPECIAL_IPV6, "ipv6");

/**
 * Whether an address is on the public internet, and so outside of any network of our own.
 *
 * @param address an IPv4 or IPv6 address, without brackets; with a zone it is none
 */
export function isPublicAddress(address: string): boolean {
  if (address.includes("%")) return false;
  const family = isIP(address);
  if (family === 4) return !specialIpv4.check(address, "ipv4");
  return family === 6 && globalIpv6.check(address, "ipv6") && !specialIpv6.check(address, "ipv6");
}

/**
 * Resolves a host for a connection as `dns.lookup` does, and fails where any of its addresses is not public. The
 * connection goes to the addresses that were checked, so that a name cannot lead elsewhere in between.
 */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return callback(error ?? new LeadsInside(), []);
    if (!areAllPublic(addresses)) return callback(new LeadsInside(), []);
    if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

function areAllPublic(addresses: readonly LookupAddress[]): boolean {
  return addresses.every(({ address }) => isPublicAddress(address));
}

function listOf(ranges: readonly (readonly [string, number])[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const [address, bits] of ranges) list.addSubnet(address, bits, family);
  return list;
}
