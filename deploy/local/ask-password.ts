import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ReadStream } from "node:tty";
import { ConfigurationError } from "#kit/config.ts";

/**
 * Takes a password from somebody at a terminal, who types it twice and unseen, or from what another program
 * writes to standard input.
 *
 * @param input where it comes from
 * @param output where it is asked for
 * @throws ConfigurationError when it is empty, or typed differently the second time
 */
export async function askPassword(
  input: ReadStream | NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<string> {
  const password = isTerminal(input) ? await askTwice(input, output) : firstLine(await text(input));
  if (password === "") throw new ConfigurationError("The password is empty.");
  return password;
}

async function askTwice(input: ReadStream, output: NodeJS.WritableStream): Promise<string> {
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: unseen, terminal: true });
  try {
    output.write("Password: ");
    const first = await lines.question("");
    output.write("\nAgain: ");
    const second = await lines.question("");
    output.write("\n");
    if (first !== second) throw new ConfigurationError("The passwords differ.");
    return first;
  } finally {
    lines.close();
  }
}

function firstLine(typed: string): string {
  return typed.split(/\r?\n/, 1)[0] ?? "";
}

function isTerminal(input: ReadStream | NodeJS.ReadableStream): input is ReadStream {
  return "isTTY" in input && input.isTTY === true;
}
