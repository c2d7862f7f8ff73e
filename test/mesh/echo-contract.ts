import {
  create,
  createFileRegistry,
  type DescService,
  type MessageInitShape,
  setExtension,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MessageOptionsSchema,
  MethodOptions_IdempotencyLevel,
  MethodOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import {
  type CacheSchema,
  EventPolicySchema,
  event,
  MethodPolicySchema,
  policy,
} from "#gen/souk/mesh/v1/policy_pb.ts";

/** What is true of every call of a method of the echo contract. */
export type EchoPolicy = MessageInitShape<typeof MethodPolicySchema>;

/** A method of the echo contract: its name and which of its sides stream. */
interface EchoMethod {
  readonly name: string;
  readonly clientStreaming?: boolean;
  readonly serverStreaming?: boolean;
}

const METHODS: readonly EchoMethod[] = [
  { name: "Unary" },
  { name: "ClientStream", clientStreaming: true },
  { name: "ServerStream", serverStreaming: true },
  { name: "BidiStream", clientStreaming: true, serverStreaming: true },
];

/**
 * A contract with one method of each kind of streaming; every message is a text and a number. An event
 * tells that a text changed. It is made here and not in `proto/`, for no shop serves it.
 *
 * @param timeoutMs the timeout of every method, in ms; long enough for a busy machine when left out
 * @param cache how answers of the unary method are remembered; not at all when left out
 * @param differs how the policy of the unary method differs from the usual
 */
export function echoContract(
  timeoutMs = 30_000,
  cache?: MessageInitShape<typeof CacheSchema>,
  differs: EchoPolicy = {},
): DescService {
  const unary = { retry: { maxAttempts: 3 }, ...(cache && { cache }), ...(differs as object) } as EchoPolicy;
  const file = create(FileDescriptorProtoSchema, {
    name: "souk/echo/v1/echo.proto",
    package: "souk.echo.v1",
    syntax: "proto3",
    messageType: [
      {
        name: "Echo",
        field: [
          field("text", 1, FieldDescriptorProto_Type.STRING),
          field("number", 2, FieldDescriptorProto_Type.INT64),
        ],
      },
      {
        name: "TextChanged",
        field: [field("text", 1, FieldDescriptorProto_Type.STRING)],
        options: eventPolicy(),
      },
    ],
    service: [
      {
        name: "EchoService",
        method: METHODS.map((method) => ({
          ...method,
          inputType: ".souk.echo.v1.Echo",
          outputType: ".souk.echo.v1.Echo",
          // Nobody but its caller may repeat a stream, or send it twice.
          options: method.name === "Unary" ? publicPolicy(timeoutMs, unary) : publicPolicy(timeoutMs),
        })),
      },
    ],
  });
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }));
  return registry.getService("souk.echo.v1.EchoService") as DescService;
}

function field(name: string, number: number, type: FieldDescriptorProto_Type) {
  return { name, number, type, label: FieldDescriptorProto_Label.OPTIONAL, jsonName: name };
}

function eventPolicy() {
  const options = create(MessageOptionsSchema);
  setExtension(
    options,
    event,
    create(EventPolicySchema, { aggregateId: "text", invalidates: ["text:{text}", "texts"] }),
  );
  return options;
}

function publicPolicy(timeoutMs: number, differs: EchoPolicy = {}) {
  const options = create(MethodOptionsSchema, {
    idempotencyLevel: MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
  });
  const seconds = Math.floor(timeoutMs / 1000);
  setExtension(
    options,
    policy,
    create(MethodPolicySchema, {
      access: { public: {} },
      timeout: { seconds: BigInt(seconds), nanos: (timeoutMs - seconds * 1000) * 1e6 },
      ...(differs as object),
    }),
  );
  return options;
}
