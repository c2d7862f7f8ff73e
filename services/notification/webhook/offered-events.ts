import { type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { eventFiles } from "#gen/events.ts";
import { event as eventOption } from "#gen/souk/mesh/v1/policy_pb.ts";

/** The events of which webhooks can be told: all of the mesh but those that stay in the shop. */
export const offeredSchemas: readonly DescMessage[] = eventFiles
  .flatMap(({ messages }) => messages)
  .filter((it) => hasOption(it, eventOption) && !getOption(it, eventOption).internal);

/** Their full names. */
export const offeredEvents: ReadonlySet<string> = new Set(offeredSchemas.map(({ typeName }) => typeName));
