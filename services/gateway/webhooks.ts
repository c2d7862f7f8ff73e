import type { IncomingMessage, ServerResponse } from "node:http";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import type { Member } from "#kit/mesh/join-mesh.ts";
import { requestIdOf } from "#kit/rpc/open-call.ts";
import { openScope } from "./open-scope.ts";
import { readBody } from "./unary/read-request.ts";
import { failureReply } from "./unary/write-reply.ts";

/** What webhooks are taken with. */
export interface WebhookOptions {
  readonly member: Member;
  /** The largest body, in bytes. */
  readonly maxBodyBytes: number;
  readonly clientAddressOf: (request: IncomingMessage) => string;
}

const PATH = /^\/webhooks\/([a-z][a-z0-9-]{0,49})$/;
/** Headers in which providers send their signature. */
const SIGNATURES = ["stripe-signature", "souk-signature"];
const NOTHING = { get: () => undefined };
const METHOD = PaymentService.method.handleWebhook;

/**
 * Takes what payment providers tell of their own accord: they speak no Connect, but post a body that is signed byte
 * for byte. Both go to payment as they are. Whatever is not 2xx, providers tell again.
 *
 * @param options what they are taken with
 * @returns answers a webhook; says whether the request was one
 */
export function webhooks({ member, maxBodyBytes, clientAddressOf }: WebhookOptions) {
  async function take(request: IncomingMessage, response: ServerResponse, provider: string): Promise<void> {
    const headers = { get: (name: string) => request.headers[name] as string | undefined };
    const requestId = requestIdOf(headers);
    const sent: Record<string, string> = { "x-request-id": requestId };
    try {
      const body = await readBody(request, maxBodyBytes);
      const signature = SIGNATURES.map(headers.get).find((it) => it !== undefined) ?? "";
      const signal = new AbortController().signal;
      const clientAddress = clientAddressOf(request);
      // It is the signature that says who calls.
      const call = {
        method: METHOD,
        headers: NOTHING,
        requestId,
        timeoutMs: undefined,
        clientAddress,
        signal,
      };
      await openScope(call, member).mesh(PaymentService).handleWebhook({ provider, body, signature });
      response.writeHead(200, sent).end();
    } catch (thrown) {
      const { status, type, body } = failureReply(thrown, METHOD, sent);
      response.writeHead(status, { ...sent, "content-type": type }).end(body.bytes);
    }
  }

  return (request: IncomingMessage, response: ServerResponse, path: string): boolean => {
    const provider = request.method === "POST" ? PATH.exec(path)?.[1] : undefined;
    if (provider === undefined) return false;
    take(request, response, provider).catch((error: unknown) => {
      member.log.error({ err: error }, "a webhook could not be answered");
      response.destroy();
    });
    return true;
  };
}
