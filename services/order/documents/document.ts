import PDFDocument from "pdfkit";

/** A document that is printed for a customer. */
export interface Document {
  /** What it is, with its number. */
  readonly title: string;
  /** Who sends it: the first line is a name. */
  readonly sender: readonly string[];
  /** Whom it is for. */
  readonly recipient: readonly string[];
  /** What else there is to say of it as a whole, each with its name. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly columns: readonly Column[];
  /** A cell a column. */
  readonly rows: readonly (readonly string[])[];
  /** Below the table. */
  readonly sums: readonly Sum[];
  readonly remarks: readonly string[];
  /** When it was issued; the same document is the same file whenever it is printed. */
  readonly issuedAt: Date;
}

/** A sum below the table of a document. */
export interface Sum {
  readonly name: string;
  readonly value: string;
  /** Whether it is what the others come to. */
  readonly bold?: boolean;
}

/** A column of the table of a document. */
export interface Column {
  readonly title: string;
  /** Its share of the width. */
  readonly share: number;
  readonly align: "left" | "right";
}

/** With what a document is printed. */
export interface Press {
  /** A TrueType font file; undefined for Helvetica, which knows the letters of western Europe alone. */
  readonly font: string | undefined;
}

const MARGIN = 56;
const SIZE = { title: 18, text: 10, small: 8 };
const GAP = 6;

/**
 * Prints a document on as many A4 pages as it takes.
 *
 * @param document what is on it
 * @param press with what it is printed
 * @returns the PDF file
 */
export async function printDocument(document: Document, { font }: Press): Promise<Uint8Array> {
  const pdf = new PDFDocument({
    size: "A4",
    margin: MARGIN,
    bufferPages: true,
    info: { Title: document.title, Author: document.sender[0] ?? "", CreationDate: document.issuedAt },
  });
  pdf.registerFont("text", font ?? "Helvetica");
  pdf.registerFont("bold", font ?? "Helvetica-Bold");
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => pdf.on("end", resolve).on("error", reject));
  pdf.on("data", (chunk: Buffer) => chunks.push(chunk));
  const printable = font === undefined ? inLatin : (text: string) => text;
  printHead(pdf, document, printable);
  printTable(pdf, document, printable);
  printEnd(pdf, document, printable);
  numberPages(pdf);
  pdf.end();
  await ended;
  return Buffer.concat(chunks);
}

type Pdf = InstanceType<typeof PDFDocument>;
type Printable = (text: string) => string;

function printHead(pdf: Pdf, { title, sender, recipient, facts }: Document, printable: Printable): void {
  const width = pdf.page.width - 2 * MARGIN;
  const half = width / 2;
  pdf.font("text").fontSize(SIZE.small).fillColor("#555");
  pdf.text(printable(sender.join(" · ")), MARGIN, MARGIN, { width });
  pdf.fillColor("#000").fontSize(SIZE.text);
  const top = MARGIN + 40;
  pdf.text(printable(recipient.join("\n")), MARGIN, top, { width: half - GAP });
  const bottom = pdf.y;
  let y = top;
  for (const [name, value] of facts) {
    pdf.text(printable(name), MARGIN + half, y, { width: half * 0.45 });
    pdf.text(printable(value), MARGIN + half * 1.45, y, { width: half * 0.55, align: "right" });
    y = pdf.y;
  }
  pdf.font("bold").fontSize(SIZE.title);
  pdf.text(printable(title), MARGIN, Math.max(bottom, y) + 36, { width });
  pdf.font("text").fontSize(SIZE.text).moveDown();
}

function printTable(pdf: Pdf, { columns, rows }: Document, printable: Printable): void {
  printRow(
    pdf,
    columns,
    columns.map(({ title }) => title),
    "bold",
    printable,
  );
  for (const row of rows) printRow(pdf, columns, row, "text", printable);
}

function printRow(
  pdf: Pdf,
  columns: readonly Column[],
  cells: readonly string[],
  font: "text" | "bold",
  printable: Printable,
): void {
  const width = pdf.page.width - 2 * MARGIN;
  pdf.font(font).fontSize(SIZE.text);
  const widths = columns.map(({ share }) => share * width - GAP);
  const texts = cells.map(printable);
  const height = Math.max(
    ...texts.map((text, index) => pdf.heightOfString(text, { width: widths[index] ?? 0 })),
  );
  if (pdf.y + height + 2 * GAP > pdf.page.height - MARGIN - 20) pdf.addPage();
  const top = pdf.y + GAP / 2;
  let x = MARGIN;
  for (const [index, { share, align }] of columns.entries()) {
    pdf.text(texts[index] ?? "", x, top, { width: widths[index] ?? 0, align });
    x += share * width;
  }
  const bottom = top + height + GAP / 2;
  pdf
    .moveTo(MARGIN, bottom)
    .lineTo(MARGIN + width, bottom)
    .lineWidth(font === "bold" ? 1 : 0.3)
    .stroke("#888");
  pdf.y = bottom;
}

function printEnd(pdf: Pdf, { sums, remarks }: Document, printable: Printable): void {
  const width = pdf.page.width - 2 * MARGIN;
  const columns: Column[] = [
    { title: "", share: 0.75, align: "right" },
    { title: "", share: 0.25, align: "right" },
  ];
  pdf.y += GAP;
  for (const { name, value, bold } of sums) {
    printRow(pdf, columns, [name, value], bold ? "bold" : "text", printable);
  }
  pdf.font("text").fontSize(SIZE.text);
  for (const remark of remarks) pdf.text(printable(remark), MARGIN, pdf.y + 2 * GAP, { width });
}

function numberPages(pdf: Pdf): void {
  const { start, count } = pdf.bufferedPageRange();
  for (let page = start; page < start + count; page++) {
    pdf.switchToPage(page);
    // Below the margin, where the next line would otherwise begin a new page.
    pdf.page.margins.bottom = 0;
    pdf
      .font("text")
      .fontSize(SIZE.small)
      .text(`${page + 1} / ${count}`, MARGIN, pdf.page.height - MARGIN + 10, {
        width: pdf.page.width - 2 * MARGIN,
        align: "right",
      });
  }
}

/** A letter with a mark that Helvetica does not know is printed without it, and what is no letter of it as "?". */
function inLatin(text: string): string {
  return Array.from(text.normalize("NFC"), (symbol) => {
    if (LATIN.test(symbol)) return symbol;
    const bare = symbol.normalize("NFD").replaceAll(/\p{M}/gu, "");
    return LATIN.test(bare) ? bare : (ALIKE[symbol] ?? "?");
  }).join("");
}

/** What the encoding of PDF's standard fonts, Windows-1252, holds. */
const LATIN = /^[\n\x20-\x7e\xa0-\xff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]+$/u;

/** Letters that are not a Latin one with a mark. */
const ALIKE: Readonly<Record<string, string>> = { ł: "l", Ł: "L", đ: "d", Đ: "D", ı: "i", ħ: "h", Ħ: "H" };
