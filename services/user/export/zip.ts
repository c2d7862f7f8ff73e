import { pipeline, Readable } from "node:stream";
import { crc32, createDeflateRaw } from "node:zlib";

/** A file of an archive. */
export interface ArchiveFile {
  readonly name: string;
  /** Its content, in pieces of any size. */
  readonly content: AsyncIterable<string>;
}

/** What the directory of an archive says of a file. */
interface Entry {
  readonly name: Buffer;
  readonly crc: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly offset: number;
}

/** Sizes follow the content (bit 3), and names are UTF-8 (bit 11). */
const FLAGS = (1 << 3) | (1 << 11);
const DEFLATED = 8;
/** The version that is needed to read it, 2.0. */
const VERSION = 20;
/** What a field of 32 bits holds; a larger archive would need the ZIP64 form. */
const LARGEST = 0xffff_fffe;

/**
 * Packs files into a ZIP archive (APPNOTE 6.3.10) while they are read: it holds one piece of one file at a time, and
 * reads no faster than it is read.
 *
 * @param files the files
 * @param modified when they were made
 * @throws RangeError when it gets larger than 4 GB, or whatever reading a file throws
 */
export async function* zip(files: Iterable<ArchiveFile>, modified: Date): AsyncGenerator<Uint8Array> {
  const time = dosTime(modified);
  const entries: Entry[] = [];
  let at = 0;
  const count = (bytes: Uint8Array) => {
    at += bytes.length;
    if (at > LARGEST) throw new RangeError("the archive gets larger than 4 GB");
    return bytes;
  };

  for (const file of files) {
    const name = Buffer.from(file.name);
    const offset = at;
    yield count(Buffer.concat([fields(0x04034b50, common(time, 0, 0, 0, name)), name]));
    const begin = at;
    const seen = { crc: 0, unpacked: 0 };
    const source = Readable.from(measured(file.content, seen), { objectMode: false });
    // What breaks the source breaks the reader of what is packed; who stops reading stops the source.
    const packed: AsyncIterable<Buffer> = pipeline(source, createDeflateRaw(), () => {});
    for await (const chunk of packed) yield count(chunk);
    const entry = { name, offset, packed: at - begin, ...seen };
    entries.push(entry);
    yield count(
      fields(0x08074b50, [
        [4, entry.crc],
        [4, entry.packed],
        [4, entry.unpacked],
      ]),
    );
  }

  const start = at;
  for (const { name, crc, packed, unpacked, offset } of entries) {
    const made: Field[] = [[2, VERSION], ...common(time, crc, packed, unpacked, name)];
    const rest: Field[] = [
      [2, 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, offset],
    ];
    yield count(Buffer.concat([fields(0x02014b50, [...made, ...rest]), name]));
  }
  const { length } = entries;
  yield fields(0x06054b50, [
    [2, 0],
    [2, 0],
    [2, length],
    [2, length],
    [4, at - start],
    [4, start],
    [2, 0],
  ]);
}

/** A number of a header, with how many bytes it takes. */
type Field = readonly [bytes: 2 | 4, value: number];

/** What the header of a file and its entry in the directory have in common. */
function common(time: Field, crc: number, packed: number, unpacked: number, name: Buffer): Field[] {
  return [
    [2, VERSION],
    [2, FLAGS],
    [2, DEFLATED],
    time,
    [4, crc],
    [4, packed],
    [4, unpacked],
    [2, name.length],
    [2, 0],
  ];
}

function fields(signature: number, numbers: readonly Field[]): Buffer {
  const all: Field[] = [[4, signature], ...numbers];
  const bytes = Buffer.alloc(all.reduce((sum, [size]) => sum + size, 0));
  all.reduce((offset, [size, value]) => bytes.writeUIntLE(value, offset, size), 0);
  return bytes;
}

/** A date and a time of MS-DOS in one number, in UTC, to two seconds. */
function dosTime(at: Date): Field {
  const date = ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate();
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1);
  return [4, date * 0x1_0000 + time];
}

async function* measured(content: AsyncIterable<string>, seen: { crc: number; unpacked: number }) {
  for await (const text of content) {
    const bytes = Buffer.from(text);
    seen.crc = crc32(bytes, seen.crc);
    seen.unpacked += bytes.length;
    yield bytes;
  }
}
