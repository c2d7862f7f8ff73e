import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { complain, type Rule, shortName } from "./complaints.ts";

/** Every method that gives pages asks for them, tells of the next one and holds one list, as all the others do. */
export const pagesRule: Rule = (files) =>
  files
    .flatMap((file) => file.services)
    .flatMap((service) => service.methods)
    .flatMap(({ input, output }) => {
      const asked = ["page_size", "page_token"].filter((name) => has(input, name));
      const told = has(output, "next_page_token");
      if (asked.length === 0 && !told) return [];
      const missing = (message: DescMessage, name: string) =>
        complain(
          message.file,
          shortName(message.file, message.typeName),
          `gives pages and has no ${name}; add it`,
        );
      return [
        ...(has(input, "page_size", ScalarType.INT32) ? [] : [missing(input, "int32 page_size")]),
        ...(has(input, "page_token", ScalarType.STRING) ? [] : [missing(input, "string page_token")]),
        ...(has(output, "next_page_token", ScalarType.STRING)
          ? []
          : [missing(output, "string next_page_token")]),
        ...(!told || output.fields.filter(isListOfMessages).length === 1
          ? []
          : [
              complain(
                output.file,
                shortName(output.file, output.typeName),
                "is a page; have it hold one list of messages",
              ),
            ]),
      ];
    });

function has(message: DescMessage, name: string, scalar?: ScalarType): boolean {
  const field = message.fields.find((it) => it.name === name);
  return field !== undefined && (scalar === undefined || field.scalar === scalar);
}

function isListOfMessages(field: DescField): boolean {
  return field.fieldKind === "list" && field.listKind === "message";
}
