import type { DescMethod } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { AuditRecorder } from "../audit/recorder.ts";
import type { Authenticator } from "../identity/authenticator.ts";
import { access } from "../policy/access.ts";
import { audit } from "../policy/audit.ts";
import { type AnswerCache, cache } from "../policy/cache.ts";
import { deadline } from "../policy/deadline.ts";
import { decode } from "../policy/decode.ts";
import { idempotency } from "../policy/idempotency.ts";
import { identity } from "../policy/identity.ts";
import { log } from "../policy/log.ts";
import { metrics } from "../policy/metrics.ts";
import type { Overload } from "../policy/overload.ts";
import { pages } from "../policy/pages.ts";
import { trace } from "../policy/trace.ts";
import { validation } from "../policy/validation.ts";
import type { Telemetry } from "../telemetry.ts";
import {
  type Decoded,
  type Handler,
  type Interceptor,
  isStream,
  type OpenCall,
  type Payload,
} from "./call.ts";
import type { Implemented } from "./implement.ts";
import { type IncomingCall, type Mesh, openCall } from "./open-call.ts";
import { untilAborted } from "./until-aborted.ts";

/** What the policies of a service need. */
export interface DispatchOptions {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly authenticator: Authenticator;
  readonly mesh: Mesh;
  /** Records who did what; left out by what keeps no data. */
  readonly recorder?: AuditRecorder;
  /** Remembers answers; left out where none is to be. */
  readonly answers?: AnswerCache;
  /** Turns calls away when there are too many; left out where they must always be answered. */
  readonly overload?: Overload;
  /** Counts calls against the budget of their caller; left out where they are not counted. */
  readonly rate?: Interceptor;
  /** Bounds the streams of a caller; left out where anybody may have any number. */
  readonly streams?: Interceptor;
}

/** Takes the calls of one service, whatever transport they come by. */
export interface Dispatcher {
  /** The contracts that are served, in the order given. */
  readonly implemented: readonly Implemented[];
  /** Turns calls away before they are opened, see Overload; left out where they must always be answered. */
  readonly refuse?: Overload["refuse"];
  /** Opens a call; the transport may then watch and abort it. */
  open(incoming: IncomingCall): OpenCall;
  /**
   * Answers a call under all policies of its method.
   *
   * @throws anything; the transport normalizes it
   */
  answer(call: OpenCall, request: Payload): Promise<Payload>;
}

/**
 * Wraps the policies around each method of some contracts.
 *
 * @param implemented what is served
 * @param options what the policies need
 */
export function createDispatcher(implemented: readonly Implemented[], options: DispatchOptions): Dispatcher {
  const wrap = inOrder(options);
  const handlers = new Map<DescMethod, Handler>();
  for (const { handlers: own } of implemented) {
    for (const [method, handler] of own) {
      handlers.set(method, wrap(handler));
    }
  }
  return {
    implemented,
    ...(options.overload && { refuse: options.overload.refuse }),
    open: (incoming) => openCall(incoming, options.log, options.mesh),
    async answer(call, request) {
      const handler = handlers.get(call.method);
      if (handler === undefined) throw new Error(`${call.method} has no handler`);
      return handler(call, isStream(request) ? untilAborted(request, call.signal) : request);
    },
  };
}

/**
 * The one order in which policies wrap a handler, the outermost first. An answer that is remembered is given without
 * a look into the request: it exists only for one that was valid.
 */
function inOrder(options: DispatchOptions) {
  const { telemetry, authenticator, recorder, overload, rate, streams, answers } = options;
  const beforeDecoding: Interceptor[] = [
    ...(overload === undefined ? [] : [overload.policy]),
    deadline,
    trace(telemetry.tracer),
    log,
    metrics(telemetry.meter),
    ...(recorder === undefined ? [] : [audit(recorder)]),
    identity(authenticator),
    access,
    ...(rate === undefined ? [] : [rate]),
    ...(streams === undefined ? [] : [streams]),
    ...(answers === undefined ? [] : [cache(answers)]),
  ];
  const afterDecoding: Interceptor<Decoded>[] = [validation, idempotency, pages];
  return (handler: Handler<Decoded>): Handler =>
    around(beforeDecoding, decode(around(afterDecoding, handler)));
}

function around<R extends Payload>(policies: readonly Interceptor<R>[], handler: Handler<R>): Handler<R> {
  return policies.reduceRight((next, policy) => policy(next), handler);
}
