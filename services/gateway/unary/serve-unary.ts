import type { IncomingMessage, ServerResponse } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import { type Compression, compressionNegotiate } from "@connectrpc/connect/protocol";
import { parseTimeout } from "@connectrpc/connect/protocol-connect";
import type { Member } from "#kit/mesh/join-mesh.ts";
import type { AnswerHeaders } from "#kit/mesh/transport.ts";
import type { RequestHeaders } from "#kit/rpc/call.ts";
import { requestIdOf } from "#kit/rpc/open-call.ts";
import type { HeaderRecord } from "../browser-headers.ts";
import { COMPRESSIONS } from "../compression.ts";
import { callOptions, openScope } from "../open-scope.ts";
import { passHeaders } from "../passed-headers.ts";
import type { AnswerBodies, Body } from "./answer-bodies.ts";
import { HUNG_UP, type RequestForm, readBytes, readMessage } from "./read-request.ts";
import type { RememberedAnswers } from "./remembered-answers.ts";
import { failureReply, writeReply } from "./write-reply.ts";

/** What unary calls are served with. */
export interface UnaryOptions {
  readonly member: Member;
  readonly bodies: AnswerBodies;
  /** The answers that are given again without asking the service; left out where that saves nothing. */
  readonly remembered: RememberedAnswers | undefined;
  /** The largest request, in bytes. */
  readonly maxBodyBytes: number;
  readonly clientAddressOf: (request: IncomingMessage) => string;
}

/** A unary call of the Connect protocol. */
export interface UnaryCall {
  readonly method: DescMethod;
  readonly form: RequestForm;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The headers of every answer to this caller. */
  readonly common: HeaderRecord;
}

/**
 * Makes the function that serves unary calls of the Connect protocol, as Connect's own library does, but
 * without all that it makes for each of them: most calls of browsers are of this kind.
 *
 * @param options what they are served with
 */
export function unaryServer({ member, bodies, remembered, maxBodyBytes, clientAddressOf }: UnaryOptions) {
  return async (call: UnaryCall): Promise<void> => {
    const { method, form, request, response, common } = call;
    const received: RequestHeaders = { get: (name) => request.headers[name] as string | undefined };
    const requestId = requestIdOf(received);
    const headers: Record<string, string> = { ...common, "x-request-id": requestId };
    const compression = compressionNegotiate(
      COMPRESSIONS,
      form.compression,
      received.get("accept-encoding") ?? null,
      "Accept-Encoding",
    );
    try {
      if (compression.error) throw compression.error;
      const body = await answer(compression.request);
      const type = form.binary ? "application/proto" : "application/json";
      await writeReply(call, { status: 200, type, body }, headers, compression.response);
    } catch (thrown) {
      await writeReply(call, failureReply(thrown, method, headers), headers, compression.response);
    }

    async function answer(decompress: Compression | null): Promise<Body> {
      const { timeoutMs, error } = parseTimeout(
        received.get("connect-timeout-ms") ?? null,
        Number.MAX_SAFE_INTEGER,
      );
      if (error !== undefined) throw error;
      const bytes = await readBytes(request, form, decompress, maxBodyBytes);
      const question = { method, binary: form.binary, bytes };
      const clientAddress = clientAddressOf(request);
      // Who signed in is known to the service alone, and sees there at once what it changed itself.
      if (received.get("authorization") === undefined) {
        const given = remembered?.give(question, clientAddress, headers);
        if (given !== undefined) return given;
      }
      const message = readMessage(method, form.binary, bytes);
      const scope = openScope(
        {
          method,
          headers: received,
          requestId,
          timeoutMs,
          clientAddress,
          signal: hangUpSignal(response),
        },
        member,
      );
      let sent: AnswerHeaders | undefined;
      const options = callOptions(received, (all) => {
        sent = all;
        passHeaders(all, (name, value) => {
          headers[name] = value;
        });
      });
      const answered = await member.call(method, message, scope, options);
      const body = form.binary ? bodies.binary(method, answered) : bodies.json(method, bytes, answered);
      if (sent !== undefined) remembered?.keep(question, message, answered, sent, body);
      return body;
    }
  };
}

function hangUpSignal(response: ServerResponse): AbortSignal {
  const hangUp = new AbortController();
  response.once("close", () => {
    if (!response.writableEnded) hangUp.abort(HUNG_UP);
  });
  return hangUp.signal;
}
