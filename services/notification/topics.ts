import { Channel } from "#gen/souk/notification/v1/preference_pb.ts";

/** How users are told of a topic. */
export interface Topic {
  /** The ways in which it is told. */
  readonly channels: readonly Channel[];
  /** Those of them that nobody can turn off: what the law, the money or a thief makes necessary to know. */
  readonly required: readonly Channel[];
}

const MAIL = [Channel.EMAIL] as const;
const BOTH = [Channel.SHOP, Channel.EMAIL] as const;

/**
 * What users are told of. The law of the European Union has the shop confirm by mail what is agreed on and what
 * becomes of the money, and that somebody withdraws from it (directive 2011/83/EU, articles 8(7) and 11(3)).
 */
export const TOPICS = {
  welcome: { channels: BOTH, required: [] },
  "verify-email": { channels: MAIL, required: MAIL },
  "reset-password": { channels: MAIL, required: MAIL },
  "password-changed": { channels: BOTH, required: BOTH },
  "second-factor-changed": { channels: BOTH, required: BOTH },
  "identity-linked": { channels: BOTH, required: BOTH },
  "session-ended": { channels: BOTH, required: BOTH },
  "account-closed": { channels: MAIL, required: MAIL },
  "order-awaits-payment": { channels: BOTH, required: MAIL },
  "order-confirmed": { channels: BOTH, required: MAIL },
  "order-cancelled": { channels: BOTH, required: MAIL },
  "order-edited": { channels: BOTH, required: MAIL },
  "order-exchanged": { channels: BOTH, required: MAIL },
  "order-shipped": { channels: BOTH, required: [] },
  "order-partially-shipped": { channels: BOTH, required: [] },
  "order-delivered": { channels: BOTH, required: [] },
  "order-partially-delivered": { channels: BOTH, required: [] },
  "order-refunded": { channels: BOTH, required: MAIL },
  "return-requested": { channels: BOTH, required: MAIL },
  "return-approved": { channels: BOTH, required: MAIL },
  "return-rejected": { channels: BOTH, required: MAIL },
  "return-cancelled": { channels: BOTH, required: [] },
  "return-received": { channels: BOTH, required: [] },
  "order-note": { channels: BOTH, required: [] },
  "gift-card": { channels: MAIL, required: MAIL },
} as const satisfies Readonly<Record<string, Topic>>;

/** The name of a topic, for example "order-confirmed". */
export type TopicName = keyof typeof TOPICS;
