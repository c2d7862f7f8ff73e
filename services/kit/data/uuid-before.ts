/**
 * The smallest UUIDv7 of a time: all that were made before it are smaller (RFC 9562, section 5.7).
 *
 * @param ms the time, in ms since the epoch; what is earlier than that is earlier than every UUIDv7
 */
export function uuidBefore(ms: number): string {
  const time = Math.max(0, ms).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}
