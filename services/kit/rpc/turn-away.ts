import type {
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Stream,
  ServerStreamResponseOptions,
} from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import type { Server } from "@grpc/grpc-js";
import { methodName } from "../contract.ts";
import type { SoukError } from "../error.ts";
import type { RequestHeaders } from "./call.ts";
import type { Dispatcher } from "./dispatch.ts";
import { trailersOnly } from "./status.ts";

type Refuse = (headers: RequestHeaders) => SoukError | undefined;
type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...more: unknown[]) => void;

/** Nothing follows the headers. */
const TRAILERS_ONLY: ServerStreamResponseOptions & { sendDate: boolean } = {
  endStream: true,
  sendDate: false,
};

/**
 * Has calls that are too many refused as soon as their headers are there. What grpc-js makes of a call before anybody
 * can refuse it takes longer than the refusal, and under a flood there is no time for it.
 *
 * @param server a server of grpc-js that listens
 * @param dispatchers what answers its calls
 * @throws Error when grpc-js keeps its HTTP/2 servers in another way than we know
 */
export function turnAwayEarly(server: Server, dispatchers: readonly Dispatcher[]): void {
  const refusals = new Map(dispatchers.flatMap(refusalsOf));
  if (refusals.size === 0) return;
  // grpc-js shows a call to nobody before it has made all of it.
  const { http2Servers } = server as unknown as { http2Servers?: ReadonlyMap<Http2Server, unknown> };
  if (http2Servers === undefined || http2Servers.size === 0)
    throw new Error("calls cannot be turned away: grpc-js has no http2Servers; find where it keeps them");
  for (const http2 of http2Servers.keys()) {
    const serving = http2.listeners("stream") as Serve[];
    http2.removeAllListeners("stream");
    http2.on("stream", (stream, headers, ...more) => {
      const refusal = refusals.get(headers[":path"] ?? "")?.({ get: (name) => headers[name] as string });
      if (refusal !== undefined) refuse(stream, refusal);
      else for (const serve of serving) serve(stream, headers, ...more);
    });
  }
}

function refusalsOf({ implemented, refuse }: Dispatcher): [path: string, refuse: Refuse][] {
  if (refuse === undefined) return [];
  const methods = implemented.flatMap(({ contract }): readonly DescMethod[] => contract.methods);
  return methods.map((method) => [`/${methodName(method)}`, (headers) => refuse(method, headers)]);
}

function refuse(stream: ServerHttp2Stream, refusal: SoukError): void {
  // Who hung up, or does so meanwhile, needs no answer.
  stream.on("error", () => {});
  if (stream.destroyed || stream.closed) return;
  // What is still sent is passed over: a stream that nobody reads would be reset with one more write.
  stream.resume();
  stream.respond(headersOf(refusal), TRAILERS_ONLY);
}

const written = new WeakMap<SoukError, Record<string, string | number>>();

/** The few refusals that there are, as headers. */
function headersOf(refusal: SoukError): Record<string, string | number> {
  let headers = written.get(refusal);
  if (headers === undefined) {
    headers = { ":status": 200, "content-type": "application/grpc+proto", ...trailersOnly(refusal) };
    written.set(refusal, headers);
  }
  return headers;
}
