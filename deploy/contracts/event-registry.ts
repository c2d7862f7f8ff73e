import { type DescFile, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { event as eventOption } from "#gen/souk/mesh/v1/policy_pb.ts";
import { methodName, policyOf } from "#kit/contract.ts";
import type { Comments } from "./contract-comments.ts";
import { anchor, GENERATED, table } from "./markdown.ts";

/** Who heeds events: a service, and the full names of the events. */
export interface Consumer {
  readonly name: string;
  readonly events: readonly string[];
}

/**
 * The registry of events: what the services tell each other.
 *
 * @param files every contract of the mesh
 * @param comments the comments of the contracts
 * @param consumers who heeds what
 */
export function eventRegistry(
  files: readonly DescFile[],
  comments: Comments,
  consumers: readonly Consumer[],
): string {
  const events = files.flatMap(({ messages }) => messages).filter((it) => hasOption(it, eventOption));
  return `${[
    GENERATED,
    "# Events",
    INTRODUCTION,
    table(
      ["event", "from", "to", "what happened"],
      events.map((event) => [
        `[${event.name}](#${anchor(event.typeName)})`,
        producerOf(event),
        consumersOf(event, consumers).join(", "),
        comments(event.typeName),
      ]),
    ),
    ...events.flatMap((event) => describeEvent(event, files, comments, consumers)),
  ].join("\n\n")}\n`;
}

const INTRODUCTION = `A service stores an event in the transaction of the change that it tells of, and a relay publishes it to
NATS JetStream, one stream for each domain. Every consumer takes it into account once, in the transaction of its
effects. Events of one aggregate keep their order. Webhooks can be told of those that do not stay in the shop, without
the fields that are kept out of logs: \`souk.notification.v1.NotificationService/CreateWebhookEndpoint\`.`;

function describeEvent(
  event: DescMessage,
  files: readonly DescFile[],
  comments: Comments,
  consumers: readonly Consumer[],
): string[] {
  const { aggregateId, invalidates, internal } = getOption(event, eventOption);
  const heeding = consumersOf(event, consumers);
  return [
    `## ${event.typeName}`,
    comments(event.typeName),
    [
      `- Subject: \`${event.typeName}.{${aggregateId}}\``,
      `- From: ${producerOf(event)}`,
      `- To: ${heeding.length === 0 ? "nobody in this shop yet" : heeding.join(", ")}`,
      ...(internal ? ["- Stays in the shop: no webhook is told of it"] : []),
      ...invalidates.map((tag) => `- Ends remembered answers tagged \`${tag}\`${endedBy(tag, files)}`),
    ].join("\n"),
    table(
      ["field", "type", "what it is"],
      event.fields.map((field) => [
        `\`${field.jsonName}\``,
        `${field.fieldKind === "list" ? "repeated " : ""}${typeName(field.message ?? field.enum, field.scalar)}`,
        `${comments(`${event.typeName}.${field.name}`)}${field.proto.options?.debugRedact ? " Kept out of logs." : ""}`,
      ]),
    ),
  ];
}

/** What happens in the mesh happens in every service. */
function producerOf({ file }: DescMessage): string {
  const domain = file.proto.package.split(".")[1] ?? "";
  return domain === "mesh" ? "every service" : domain;
}

function consumersOf(event: DescMessage, consumers: readonly Consumer[]): string[] {
  return consumers.filter(({ events }) => events.includes(event.typeName)).map(({ name }) => name);
}

/** The methods whose answers carry a tag of the same kind: what stands before its first brace. */
function endedBy(tag: string, files: readonly DescFile[]): string {
  const kind = (text: string) => text.split("{", 1)[0];
  const methods = files
    .flatMap(({ services }) => services)
    .flatMap(({ methods }) => methods)
    .filter((method) => policyOf(method).cache?.tags.some((it) => kind(it) === kind(tag)));
  return methods.length === 0 ? "" : `: ${methods.map((method) => `\`${methodName(method)}\``).join(", ")}`;
}

function typeName(type: { readonly typeName: string } | undefined, scalar: ScalarType | undefined): string {
  return type?.typeName ?? (ScalarType[scalar as ScalarType] ?? "").toLowerCase();
}
