import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

const compressBrotli = promisify(brotliCompress);
/** Brotli's default is for files that are compressed once; for each answer it would take tens of ms. */
const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** The compressions of requests and answers. */
export const COMPRESSIONS: Compression[] = [
  compressionGzip,
  { ...compressionBrotli, compress: (bytes) => compressBrotli(bytes, FAST) },
];
