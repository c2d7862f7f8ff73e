import { createHash } from "node:crypto";

/** Tells these names from all others (RFC 9562, 6.6). */
const NAMESPACE = Buffer.from("5f0d3c5a7b1e4c0e9a62c4f1d8e7b390", "hex");

/**
 * The id of a template: made of its name (RFC 9562, 5.5), it is the same in every shop and every release.
 *
 * @param name for example "order-confirmed/email/en"
 */
export function templateId(name: string): string {
  const bytes = createHash("sha1").update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
