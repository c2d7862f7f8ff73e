import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details } from "#gen/google/rpc/error_details_pb.ts";
import { ServerReflection, type ServerReflectionRequest } from "#gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1Alpha } from "#gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { Health } from "#gen/health/v1/health_pb.ts";
import { Code } from "../error.ts";
import { type Implemented, implement } from "./implement.ts";

/** What every program serves beside its contracts. */
const INFRASTRUCTURE = [Health, ServerReflection, ServerReflectionV1Alpha];

/**
 * Serves reflection, v1 and v1alpha, from the contracts' own descriptors, so that custom options
 * reach those who ask (gRPC Server Reflection Protocol).
 *
 * @param contracts what is served
 * @param files more files whose types can be asked for
 */
export function reflectionServices(
  contracts: readonly DescService[],
  files: readonly DescFile[],
): Implemented[] {
  const served = [...contracts, ...INFRASTRUCTURE];
  const names = served.map(({ typeName }) => typeName).sort();
  // What the details of errors are made of is there too, so that tools can show them.
  const index = indexFiles([...served.map(({ file }) => file), ...files, file_google_rpc_error_details]);

  async function* answers(requests: AsyncIterable<Pick<ServerReflectionRequest, "host" | "messageRequest">>) {
    for await (const request of requests) {
      const messageResponse = answer(request.messageRequest);
      yield { validHost: request.host, originalRequest: request as never, messageResponse };
    }
  }

  function answer(request: ServerReflectionRequest["messageRequest"]) {
    switch (request.case) {
      case "listServices":
        return {
          case: "listServicesResponse" as const,
          value: { service: names.map((name) => ({ name })) },
        };
      case "fileByFilename":
        return filesResponse(index.byName.get(request.value), request.value);
      case "fileContainingSymbol":
        return filesResponse(index.bySymbol.get(request.value), request.value);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = request.value;
        const symbol = `${containingType} ${extensionNumber}`;
        return filesResponse(index.byExtension.get(symbol), symbol);
      }
      case "allExtensionNumbersOfType": {
        const extensionNumber = index.extensionNumbers.get(request.value);
        if (extensionNumber === undefined) return notFound(request.value);
        return {
          case: "allExtensionNumbersResponse" as const,
          value: { baseTypeName: request.value, extensionNumber },
        };
      }
      case undefined:
        return {
          case: "errorResponse" as const,
          value: { errorCode: Code.INVALID_ARGUMENT as number, errorMessage: "message_request is missing" },
        };
    }
  }

  return [
    implement(ServerReflection, { serverReflectionInfo: answers }),
    implement(ServerReflectionV1Alpha, { serverReflectionInfo: answers as never }),
  ];
}

/** A file comes first, all that it imports after it. */
function filesResponse(file: DescFile | undefined, what: string) {
  if (file === undefined) return notFound(what);
  const inOrder = new Set<DescFile>();
  collect(file, inOrder);
  const fileDescriptorProto = [...inOrder]
    .reverse()
    .map((it) => toBinary(FileDescriptorProtoSchema, it.proto));
  return { case: "fileDescriptorResponse" as const, value: { fileDescriptorProto } };
}

function collect(file: DescFile, into: Set<DescFile>): void {
  if (into.has(file)) return;
  for (const dependency of file.dependencies) collect(dependency, into);
  into.add(file);
}

function notFound(what: string) {
  return {
    case: "errorResponse" as const,
    value: { errorCode: Code.NOT_FOUND as number, errorMessage: `no ${what} here` },
  };
}

function indexFiles(roots: readonly DescFile[]) {
  const all = new Set<DescFile>();
  for (const root of roots) collect(root, all);
  const byName = new Map<string, DescFile>();
  const bySymbol = new Map<string, DescFile>();
  const byExtension = new Map<string, DescFile>();
  const extensionNumbers = new Map<string, number[]>();
  for (const file of all) {
    byName.set(file.proto.name, file);
    for (const symbol of symbolsOf(file)) bySymbol.set(symbol, file);
    for (const extension of file.extensions) {
      const extended = extension.extendee.typeName;
      byExtension.set(`${extended} ${extension.number}`, file);
      extensionNumbers.set(extended, [...(extensionNumbers.get(extended) ?? []), extension.number]);
    }
  }
  return { byName, bySymbol, byExtension, extensionNumbers };
}

function* symbolsOf(file: DescFile): Iterable<string> {
  for (const service of file.services) {
    yield service.typeName;
    for (const method of service.methods) yield `${service.typeName}.${method.name}`;
  }
  for (const extension of file.extensions) yield extension.typeName;
  for (const it of file.enums) yield it.typeName;
  const messages = [...file.messages];
  for (let message = messages.pop(); message !== undefined; message = messages.pop()) {
    yield message.typeName;
    for (const field of message.fields) yield `${message.typeName}.${field.name}`;
    for (const it of message.nestedEnums) yield it.typeName;
    messages.push(...message.nestedMessages);
  }
}
