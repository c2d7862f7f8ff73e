import type {
  DescEnum,
  DescExtension,
  DescField,
  DescFile,
  DescMessage,
  DescOneof,
} from "@bufbuild/protobuf";
import { Edition, FieldDescriptorProto_Label, FieldDescriptorProto_Type } from "@bufbuild/protobuf/wkt";

/**
 * Prints a file descriptor as protobuf source, so that `buf` can import a contract that is shipped
 * only as generated code. Options are left out: they matter to the runtime that carries the
 * descriptor, not to those who import it.
 *
 * @param file a file in proto2 or proto3 syntax
 */
export function printProto(file: DescFile): string {
  if (file.edition !== Edition.EDITION_PROTO2 && file.edition !== Edition.EDITION_PROTO3) {
    throw new Error(`${file.name} uses editions, which cannot be printed`);
  }
  const proto2 = file.edition === Edition.EDITION_PROTO2;
  const lines = [`syntax = "${proto2 ? "proto2" : "proto3"}";`, `package ${file.proto.package};`];
  lines.push(...file.dependencies.map((dependency) => `import "${dependency.proto.name}";`));
  lines.push(...file.enums.flatMap((it) => printEnum(it)));
  lines.push(...file.messages.flatMap((it) => printMessage(it, proto2)));
  lines.push(...file.extensions.flatMap((it) => printExtension(it, proto2)));
  return `${lines.join("\n")}\n`;
}

function printMessage(message: DescMessage, proto2: boolean): string[] {
  return block(`message ${message.name}`, [
    ...message.nestedEnums.flatMap((it) => printEnum(it)),
    ...message.nestedMessages.flatMap((it) => printMessage(it, proto2)),
    ...message.members.flatMap((member) =>
      member.kind === "oneof" ? printOneof(member) : [printField(member, proto2)],
    ),
    ...message.proto.extensionRange.map((range) => `extensions ${range.start} to ${range.end - 1};`),
  ]);
}

function printOneof(oneof: DescOneof): string[] {
  return block(
    `oneof ${oneof.name}`,
    oneof.fields.map((field) => `${typeName(field)} ${field.name} = ${field.number};`),
  );
}

function printEnum(it: DescEnum): string[] {
  return block(
    `enum ${it.name}`,
    it.values.map((value) => `${value.name} = ${value.number};`),
  );
}

function printExtension(extension: DescExtension, proto2: boolean): string[] {
  return block(`extend ${extension.extendee.typeName}`, [printField(extension, proto2)]);
}

function printField(field: DescField | DescExtension, proto2: boolean): string {
  if (field.fieldKind === "map") {
    const { key, value } = mapEntry(field.proto.typeName, field.parent);
    return `map<${key}, ${value}> ${field.name} = ${field.number};`;
  }
  return `${label(field, proto2)}${typeName(field)} ${field.name} = ${field.number};`;
}

function label(field: DescField | DescExtension, proto2: boolean): string {
  switch (field.proto.label) {
    case FieldDescriptorProto_Label.REPEATED:
      return "repeated ";
    case FieldDescriptorProto_Label.REQUIRED:
      return "required ";
    default:
      return proto2 || field.proto.proto3Optional ? "optional " : "";
  }
}

function typeName({ proto }: DescField | DescExtension): string {
  return proto.typeName === "" ? FieldDescriptorProto_Type[proto.type].toLowerCase() : proto.typeName;
}

function mapEntry(entryType: string, parent: DescMessage | undefined): { key: string; value: string } {
  const entry = parent?.proto.nestedType.find((it) => entryType.endsWith(`.${it.name}`));
  const [key, value] = (entry?.field ?? []).map((it) =>
    it.typeName === "" ? FieldDescriptorProto_Type[it.type].toLowerCase() : it.typeName,
  );
  if (key === undefined || value === undefined) throw new Error(`no map entry ${entryType}`);
  return { key, value };
}

function block(head: string, body: string[]): string[] {
  return [`${head} {`, ...body.map((line) => `  ${line}`), "}"];
}
