import { Readable } from "node:stream";
import { ZipFile } from "yazl";

/** A file of an archive. */
export interface ArchiveFile {
  readonly name: string;
  /** Its content, in pieces of any size. */
  readonly content: AsyncIterable<string>;
}

/**
 * Packs files into a ZIP archive while they are read: a file is begun when the one before it is through, and they are
 * read no faster than the archive is.
 *
 * @param files the files
 * @param modified when they were made
 * @returns the archive; reading it throws what reading a file throws
 */
export function zip(files: Iterable<ArchiveFile>, modified: Date): AsyncIterable<Uint8Array> {
  const archive = new ZipFile();
  const packed = archive.outputStream as Readable;
  let reading: Readable | undefined;
  for (const { name, content } of files) {
    archive.addReadStreamLazy(name, { mtime: modified }, (begin) => {
      reading = Readable.from(content, { objectMode: false });
      reading.once("error", (error) => packed.destroy(error));
      begin(null, reading);
    });
  }
  archive.once("error", (error) => packed.destroy(error as Error));
  archive.end();
  // Who stops reading the archive stops what it is made of.
  packed.once("close", () => reading?.destroy());
  return packed;
}
