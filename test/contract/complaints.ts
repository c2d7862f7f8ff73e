import type { DescField, DescFile, DescMessage } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";

/** Something that a contract gets wrong: where, and what to do about it. */
export type Complaint = string;

/** A rule that contracts keep, as the complaints about those that break it. */
export type Rule = (files: readonly DescFile[]) => Complaint[];

/**
 * Says where something is wrong in a way that leads there.
 *
 * @param file the contract
 * @param path the name of the message, method or field, without the package
 */
export function complain(file: DescFile, path: string, what: string): Complaint {
  return `${file.name}.proto: ${path}: ${what}`;
}

/** The name of a type or a member of one, without the package. */
export function shortName(file: DescFile, fullName: string): string {
  return fullName.slice(file.proto.package.length + 1);
}

/** Every message that a contract declares, nested ones included. */
export function messagesOf(file: DescFile): DescMessage[] {
  return [...nestedTypes(file)].filter((type) => type.kind === "message");
}

/** What a field is called in its contract, for example "Profile.email". */
export function fieldPath(field: DescField): string {
  return `${shortName(field.parent.file, field.parent.typeName)}.${field.name}`;
}
