import type { DescEnum, DescFile, DescMessage } from "@bufbuild/protobuf";

/** Gives the comment of a package's type, or of a member of one, by its full name; "" where there is none. */
export type Comments = (name: string) => string;

/** Where descriptor.proto keeps what a path of source info leads to. */
const FILE = { message: 4, enum: 5, service: 6 } as const;
const MESSAGE = { field: 2, nested: 3, enum: 4, oneof: 8 } as const;
const MEMBER = 2;

/**
 * Reads the comments of contracts: those that stand before what they tell of.
 *
 * @param files the contracts, with their source info
 */
export function commentsOf(files: readonly DescFile[]): Comments {
  const comments = new Map<string, string>();
  for (const file of files) readFile(file, comments);
  return (name) => comments.get(name) ?? "";
}

function readFile(file: DescFile, comments: Map<string, string>): void {
  const written = new Map(
    file.proto.sourceCodeInfo?.location.map(({ path, leadingComments }) => [path.join(), leadingComments]),
  );
  const note = (name: string, path: readonly number[]) => {
    const text = (written.get(path.join()) ?? "").trim().replace(/\s*\n\s*/g, " ");
    comments.set(name, text);
  };

  function readMessage(message: DescMessage, path: readonly number[]): void {
    note(message.typeName, path);
    for (const [index, field] of message.fields.entries()) {
      note(`${message.typeName}.${field.name}`, [...path, MESSAGE.field, index]);
    }
    for (const [index, oneof] of message.oneofs.entries()) {
      note(`${message.typeName}.${oneof.name}`, [...path, MESSAGE.oneof, index]);
    }
    for (const [index, nested] of message.nestedMessages.entries()) {
      readMessage(nested, [...path, MESSAGE.nested, index]);
    }
    for (const [index, nested] of message.nestedEnums.entries())
      readEnum(nested, [...path, MESSAGE.enum, index]);
  }

  function readEnum(it: DescEnum, path: readonly number[]): void {
    note(it.typeName, path);
    for (const [index, value] of it.values.entries()) {
      note(`${it.typeName}.${value.name}`, [...path, MEMBER, index]);
    }
  }

  for (const [index, message] of file.messages.entries()) readMessage(message, [FILE.message, index]);
  for (const [index, it] of file.enums.entries()) readEnum(it, [FILE.enum, index]);
  for (const [index, service] of file.services.entries()) {
    note(service.typeName, [FILE.service, index]);
    for (const [at, method] of service.methods.entries()) {
      note(`${service.typeName}.${method.name}`, [FILE.service, index, MEMBER, at]);
    }
  }
}
