import { randomBytes } from "node:crypto";
import type { CleanedEnv } from "envalid";
import { ConfigurationError } from "#kit/config.ts";
import type { paymentSettings } from "../config.ts";
import type { PaymentDatabase } from "../database.ts";
import type { PaymentProvider } from "./provider.ts";
import { sandboxProvider } from "./sandbox.ts";
import { stripeProvider } from "./stripe.ts";

/**
 * Opens the provider that the settings choose.
 *
 * @param db where the sandbox keeps its books
 * @throws ConfigurationError that names the settings that are missing for it
 */
export function openProvider(
  settings: CleanedEnv<typeof paymentSettings>,
  db: PaymentDatabase,
): PaymentProvider {
  if (settings.PAYMENT_PROVIDER === "sandbox") {
    return sandboxProvider(db, {
      latencyMs: settings.PAYMENT_SANDBOX_LATENCY_MS,
      holdMs: settings.PAYMENT_SANDBOX_HOLD_MS,
      // Nobody knows it, so nobody is believed.
      webhookSecret: settings.PAYMENT_SANDBOX_WEBHOOK_SECRET ?? randomBytes(32).toString("hex"),
    });
  }
  const { PAYMENT_STRIPE_SECRET_KEY: secretKey, PAYMENT_STRIPE_WEBHOOK_SECRET: webhookSecret } = settings;
  if (secretKey === undefined || webhookSecret === undefined) {
    throw new ConfigurationError(
      "PAYMENT_PROVIDER=stripe needs PAYMENT_STRIPE_SECRET_KEY and PAYMENT_STRIPE_WEBHOOK_SECRET",
    );
  }
  return stripeProvider({
    secretKey,
    webhookSecret,
    url: settings.PAYMENT_STRIPE_URL,
    timeoutMs: settings.PAYMENT_PROVIDER_TIMEOUT_MS,
  });
}
