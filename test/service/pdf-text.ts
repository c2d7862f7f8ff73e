import { inflateSync } from "node:zlib";

/** A text that is shown, as pdfkit writes it: pieces in hexadecimal, with how far apart they are. */
const SHOWN = /\[([^\]]*)\] TJ/g;
const PIECE = /<([0-9a-f]*)>/g;

/**
 * What is written in a PDF file that is set in one of PDF's standard fonts, a text each.
 *
 * @param pdf the file
 */
export function textsOf(pdf: Uint8Array): string[] {
  const file = Buffer.from(pdf).toString("latin1");
  const texts: string[] = [];
  for (const [, stream = ""] of file.matchAll(/stream\n(.*?)\nendstream/gs)) {
    const page = inflateSync(Buffer.from(stream, "latin1")).toString("latin1");
    for (const [, pieces = ""] of page.matchAll(SHOWN)) {
      const hex = [...pieces.matchAll(PIECE)].map(([, piece]) => piece).join("");
      texts.push(new TextDecoder("windows-1252").decode(Buffer.from(hex, "hex")));
    }
  }
  return texts;
}
