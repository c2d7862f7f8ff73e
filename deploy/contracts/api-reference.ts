import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { event as eventOption } from "#gen/souk/mesh/v1/policy_pb.ts";
import { policyOf } from "#kit/contract.ts";
import { commonReasons, ownReasons, type Reason, reasonsOf } from "./api-errors.ts";
import { examplesOf, SHELL_VARIABLES } from "./api-examples.ts";
import type { Comments } from "./contract-comments.ts";
import { anchor, GENERATED, table } from "./markdown.ts";
import { accessInWords, policyInWords } from "./policy-in-words.ts";
import { isRequired, rulesInWords } from "./rules-in-words.ts";

/** The contracts of one package. */
export interface Package {
  /** For example "souk.order.v1". */
  readonly name: string;
  readonly files: readonly DescFile[];
}

/**
 * The entrance to the API reference: every service, what is true of all methods, how to run the examples.
 *
 * @param packages the packages of the mesh
 * @param comments the comments of their contracts
 */
export function apiIndex(packages: readonly Package[], comments: Comments): string {
  const services = packages.map(({ name, files }) =>
    [
      `### [${name}](api/${name}.md)`,
      table(
        ["method", "who", "what it does"],
        servicesOf(files).flatMap(({ methods }) =>
          methods.map((method) => [
            `[${method.parent.name}.${method.name}](api/${name}.md#${anchor(titleOf(method))})`,
            accessInWords(policyOf(method).access).replace(/ may call it/, ""),
            firstSentence(comments(`${method.parent.typeName}.${method.name}`)),
          ]),
        ),
      ),
    ].join("\n\n"),
  );
  return `${[
    GENERATED,
    "# API reference",
    INTRODUCTION,
    "## Calls in JSON",
    JSON_CALLS,
    "## Reasons that any method can answer with",
    reasonTable(commonReasons(), comments),
    "## How to run the examples",
    "They are commands for a shell that has these variables:",
    table(
      ["variable", "what it is"],
      Object.entries(SHELL_VARIABLES).map(([name, what]) => [`\`${name}\``, what]),
    ),
    "## Methods",
    ...services,
  ].join("\n\n")}\n`;
}

const INTRODUCTION = `Every method is served over gRPC, and over Connect, gRPC-Web and JSON to the outside where its access
allows. A call that fails carries a gRPC status code, a message for people, and in its details a
google.rpc.ErrorInfo whose reason a program can act on; broken rules of fields stand in google.rpc.BadRequest, and
google.rpc.RetryInfo tells when a repetition helps. [permissions.md](permissions.md) shows who may call what,
[events.md](events.md) what the services tell each other.`;

const JSON_CALLS = `A call is a POST to \`/<package>.<service>/<method>\` with \`content-type: application/json\`; methods that
only read can be asked with GET as well, with the request as the parameter \`message\` beside \`encoding=json\`. Numbers of
64 bits are texts, and what is empty, false or 0 is left out of answers: \`{"currency":"EUR"}\` is no money at all. Fields
have the names that the pages of the packages show, and in errors those of the contract: \`page_size\` is \`pageSize\`.
The details of an error stand in base64 under \`value\` and, for people and shells, in JSON under \`debug\`.
\`idempotency-key\`, \`authorization\` and, in answers, \`x-request-id\`, \`ratelimit\` and \`retry-after\` are headers.
Streams put a head of five bytes before each message (connectrpc.com/docs/protocol), so call them with a Connect client
or \`grpcurl\`.`;

/**
 * The reference of one package: each method with its policy, fields, errors and examples, then the messages
 * and the reasons that they share.
 *
 * @param it the package
 * @param comments the comments of the contracts
 */
export function apiPage({ name, files }: Package, comments: Comments): string {
  const services = servicesOf(files);
  const reasons = files.flatMap(({ enums }) => enums).find((it) => it.name === "ErrorReason");
  const methods = services.flatMap((service) => service.methods);
  const page = { package: name, methods, comments, ownReasons: reasons !== undefined && name !== MESH };
  const messages = sharedTypes(files, services);
  return `${[
    GENERATED,
    `# ${name}`,
    "[All packages](../api.md)",
    ...services.flatMap((service) => [
      `## ${service.name}`,
      comments(service.typeName),
      ...service.methods.flatMap((method) => describeMethod(method, page)),
    ]),
    ...(messages.length === 0 ? [] : ["## Messages and enums"]),
    ...messages.flatMap((type) => [
      `### ${localName(type)}`,
      comments(type.typeName),
      type.kind === "message" ? fieldTable(type, page) : valueTable(type, comments),
    ]),
    ...(page.ownReasons && reasons
      ? ["## Reasons", `Their domain is \`${name}\`.`, reasonTable(reasonsOf(reasons), comments)]
      : []),
  ].join("\n\n")}\n`;
}

/** The package of what all the others use. */
const MESH = "souk.mesh.v1";

interface Page {
  readonly package: string;
  readonly methods: readonly DescMethod[];
  readonly comments: Comments;
  /** Whether the package has reasons of its own. */
  readonly ownReasons: boolean;
}

function describeMethod(method: DescMethod, page: Page): string[] {
  const { input, output, methodKind } = method;
  const streams = {
    unary: "",
    client_streaming: "a stream of ",
    bidi_streaming: "a stream of ",
    server_streaming: "",
  };
  const answers = {
    unary: "",
    client_streaming: "",
    bidi_streaming: "a stream of ",
    server_streaming: "a stream of ",
  };
  return [
    `### ${titleOf(method)}`,
    page.comments(`${method.parent.typeName}.${method.name}`),
    policyInWords(method)
      .map((sentence) => `- ${sentence}`)
      .join("\n"),
    `**Request**: ${streams[methodKind]}\`${input.name}\`. ${page.comments(input.typeName)}`,
    ...fields(input, page),
    `**Answer**: ${answers[methodKind]}\`${output.name}\`. ${page.comments(output.typeName)}`,
    ...fields(output, page),
    `**Errors**: ${errorsOf(method, page)}`,
    ...examplesOf(method).map(({ command }) => `\`\`\`sh\n${command}\n\`\`\``),
  ];
}

function errorsOf(method: DescMethod, page: Page): string {
  const own = ownReasons(method).map(({ name, code }) => `\`${name}\` (${code})`);
  const common = "those that [any method can answer with](../api.md#reasons-that-any-method-can-answer-with)";
  const packages = page.ownReasons ? ["those of [this package](#reasons)"] : [];
  return `${[...own, ...packages, common].join(", ")}.`;
}

function fields(message: DescMessage, page: Page): string[] {
  return message.fields.length === 0 ? [] : [fieldTable(message, page)];
}

function fieldTable(message: DescMessage, page: Page): string {
  if (message.fields.length === 0) return "It has no fields.";
  return table(
    ["field", "type", "rules", "what it is"],
    message.fields.map((field) => [
      `\`${field.jsonName}\``,
      typeOf(field, page),
      [...rulesInWords(field), ...groupOf(field)].join("; "),
      `${page.comments(`${message.typeName}.${field.name}`)}${field.proto.options?.debugRedact ? " Kept out of logs." : ""}`,
    ]),
  );
}

function groupOf({ oneof }: DescField): string[] {
  if (oneof === undefined) return [];
  const names = oneof.fields.map(({ jsonName }) => `\`${jsonName}\``).join(", ");
  return [`${isRequired(oneof) ? "one" : "at most one"} of ${names}`];
}

function valueTable(it: DescEnum, comments: Comments): string {
  return table(
    ["value", "what it means"],
    it.values.map(({ name }) => [`\`${name}\``, comments(`${it.typeName}.${name}`)]),
  );
}

function reasonTable(reasons: readonly Reason[], comments: Comments): string {
  return table(
    ["reason", "code", "what it means"],
    reasons.map(({ name, code, fullName }) => [`\`${name}\``, code, comments(fullName)]),
  );
}

function typeOf(field: DescField, page: Page): string {
  const one = field.message ?? field.enum;
  const name =
    one === undefined ? (ScalarType[field.scalar as ScalarType] ?? "").toLowerCase() : linkTo(one, page);
  switch (field.fieldKind) {
    case "list":
      return `repeated ${name}`;
    case "map":
      return `map of ${ScalarType[field.mapKey].toLowerCase()} to ${name}`;
    default:
      return name;
  }
}

function linkTo(type: DescMessage | DescEnum, page: Page): string {
  const home = type.file.proto.package;
  if (!home.startsWith("souk.")) return type.name;
  const name = localName(type);
  // A request that is a part of another one is described with its own method.
  const method = page.methods.find(({ input, output }) => input === type || output === type);
  const heading = method === undefined ? name : titleOf(method);
  return `[${name}](${home === page.package ? "" : `${home}.md`}#${anchor(heading)})`;
}

/** What the contracts of a package declare beside requests, answers, events and reasons, by name. */
function sharedTypes(
  files: readonly DescFile[],
  services: readonly DescService[],
): (DescMessage | DescEnum)[] {
  const methods = services.flatMap((service) => service.methods);
  const ends = new Set(methods.flatMap(({ input, output }) => [input.typeName, output.typeName]));
  return files
    .filter(({ name }) => name !== OPTIONS)
    .flatMap((file) => [...nestedTypes(file)])
    .filter((type) => type.kind === "message" || type.kind === "enum")
    .filter((type) => !ends.has(type.typeName) && type.name !== "ErrorReason" && !isEvent(type))
    .sort((a, b) => (localName(a) < localName(b) ? -1 : 1));
}

/** The contract of the options themselves; the reference tells what they say and not how. */
const OPTIONS = "souk/mesh/v1/policy";

function isEvent(type: DescMessage | DescEnum): boolean {
  return type.kind === "message" && hasOption(type, eventOption);
}

function servicesOf(files: readonly DescFile[]): DescService[] {
  return files.flatMap(({ services }) => services);
}

function titleOf({ parent, name }: DescMethod): string {
  return `${parent.name}.${name}`;
}

function localName(type: DescMessage | DescEnum): string {
  return type.typeName.slice(type.file.proto.package.length + 1);
}

function firstSentence(text: string): string {
  return /^.*?[.:](?= |$)/.exec(text)?.[0].replace(/:$/, ".") ?? text;
}
