import { type DescFile, fromBinary, getOption, hasOption } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { event as eventOption } from "#gen/souk/mesh/v1/policy_pb.ts";
import { eventSubject } from "../data/outbox.ts";
import { readTags, shapeOf } from "./tags.ts";

/** What the events of a domain end, as their contract says it. */
export interface Endings {
  /** The subjects of the events that end anything, without namespace and aggregate. */
  readonly subjects: readonly string[];
  /** What the tags look like, see shapeOf. */
  readonly shapes: ReadonlySet<string>;
  /**
   * The tags of answers whose life an event ends.
   *
   * @param type the full name of its message type
   * @param payload its content
   */
  tagsOf(type: string, payload: Uint8Array): readonly string[];
}

/**
 * Reads what events end.
 *
 * @param files the contracts that declare the events
 * @throws Error that names the tag and the field that is not there
 */
export function readEndings(files: readonly DescFile[]): Endings {
  const ending = files
    .flatMap((file) => [...nestedTypes(file)])
    .filter((type) => type.kind === "message")
    .filter((message) => hasOption(message, eventOption))
    .map((schema) => ({ schema, tags: getOption(schema, eventOption).invalidates }))
    .filter(({ tags }) => tags.length > 0);
  const byType = new Map(
    ending.map(({ schema, tags }) => [schema.typeName, { schema, read: readTags(tags, schema) }]),
  );
  return {
    subjects: ending.map(({ schema }) => eventSubject(schema)),
    shapes: new Set(ending.flatMap(({ tags }) => tags.map(shapeOf))),
    tagsOf(type, payload) {
      const found = byType.get(type);
      return found === undefined ? [] : found.read(fromBinary(found.schema, payload));
    },
  };
}
