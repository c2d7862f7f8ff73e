/** What of a mail is shown to people. */
export interface MailMessage {
  /** Header fields in their order, names as written, values decoded. */
  headers: [name: string, value: string][];
  /** The first text/plain part. */
  text?: string;
  /** The first text/html part. */
  html?: string;
  /** The parts that are neither. */
  attachments: { name: string; type: string; bytes: number }[];
}

const deepestNesting = 10;

/**
 * Takes a mail apart (RFC 5322, RFC 2045 to 2047): its header fields, its text, what hangs on it. Whatever is
 * malformed is taken as it stands.
 */
export function parseMail(raw: Buffer): MailMessage {
  // One character per byte; each piece is turned into text once its encoding is known.
  const source = raw.toString("latin1");
  const { headers } = splitEntity(source);
  const message: MailMessage = {
    headers: headers.map(([name, value]) => [name, decodeWords(utf8(value))]),
    attachments: [],
  };
  collectParts(source, message, 0);
  return message;
}

/** The first header field of a name, whatever its case; "" when there is none. */
export function headerOf(message: MailMessage, name: string): string {
  return findHeader(message.headers, name);
}

function collectParts(source: string, message: MailMessage, depth: number): void {
  const { headers, body } = splitEntity(source);
  const contentType = findHeader(headers, "content-type") || "text/plain";
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  const boundary = parameter(contentType, "boundary");
  if (type.startsWith("multipart/") && boundary && depth < deepestNesting) {
    for (const part of splitMultipart(body, boundary)) collectParts(part, message, depth + 1);
    return;
  }
  const disposition = findHeader(headers, "content-disposition");
  const content = decodeTransfer(body, findHeader(headers, "content-transfer-encoding"));
  const attached = disposition.toLowerCase().startsWith("attachment");
  if (!attached && type === "text/plain" && message.text === undefined) {
    message.text = decodeCharset(content, parameter(contentType, "charset"));
  } else if (!attached && type === "text/html" && message.html === undefined) {
    message.html = decodeCharset(content, parameter(contentType, "charset"));
  } else {
    const name = parameter(disposition, "filename") || parameter(contentType, "name") || "unnamed";
    message.attachments.push({ name: decodeWords(utf8(name)), type, bytes: content.length });
  }
}

function splitEntity(source: string): { headers: [string, string][]; body: string } {
  const gap = /\r?\n\r?\n/.exec(source);
  const leadsWithGap = /^\r?\n/.exec(source);
  if (leadsWithGap) return { headers: [], body: source.slice(leadsWithGap[0].length) };
  const head = gap ? source.slice(0, gap.index) : source;
  const body = gap ? source.slice(gap.index + gap[0].length) : "";
  const headers: [string, string][] = [];
  for (const line of head.replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return { headers, body };
}

function splitMultipart(body: string, boundary: string): string[] {
  const parts: string[] = [];
  let part: string[] | undefined;
  for (const line of body.split(/\r?\n/)) {
    const delimiter = line.trimEnd();
    if (delimiter === `--${boundary}` || delimiter === `--${boundary}--`) {
      if (part) parts.push(part.join("\r\n"));
      if (delimiter.endsWith(`${boundary}--`)) return parts;
      part = [];
    } else {
      part?.push(line);
    }
  }
  if (part) parts.push(part.join("\r\n"));
  return parts;
}

function findHeader(headers: readonly [string, string][], name: string): string {
  const wanted = name.toLowerCase();
  return headers.find(([key]) => key.toLowerCase() === wanted)?.[1] ?? "";
}

function parameter(value: string, name: string): string {
  const match = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;]+))`, "i").exec(value);
  return match?.[1] ?? match?.[2] ?? "";
}

function decodeTransfer(body: string, encoding: string): Buffer {
  switch (encoding.trim().toLowerCase()) {
    case "base64":
      return Buffer.from(body, "base64");
    case "quoted-printable":
      return decodeQuotedPrintable(body.replace(/[ \t]+(?=\r?\n|$)/g, "").replace(/=\r?\n/g, ""));
    default:
      return Buffer.from(body, "latin1");
  }
}

function decodeQuotedPrintable(text: string): Buffer {
  const bytes = text.replace(/=([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1");
}

function decodeCharset(content: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset || "utf-8").decode(content);
  } catch {
    return content.toString("utf8");
  }
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Decodes `=?charset?B?...?=` and `=?charset?Q?...?=` (RFC 2047). */
function decodeWords(value: string): string {
  return value
    .replace(/\?=\s+=\?/g, "?==?")
    .replace(
      /=\?([\w-]+)(?:\*[\w-]+)?\?([BbQq])\?([^?]*)\?=/g,
      (_, charset: string, encoding: string, text: string) =>
        decodeCharset(
          encoding.toUpperCase() === "B"
            ? Buffer.from(text, "base64")
            : decodeQuotedPrintable(text.replaceAll("_", " ")),
          charset,
        ),
    );
}
