import { connect, newPaymentId, openDesk } from "./payment-desk.ts";

/**
 * A process to be killed. Its arguments are the database's URL, what to do, and the payment.
 *
 * `authorize`, `void` and `capture` hang between the provider's deed and its record; `storm`
 * authorizes, captures and voids payments until it is killed.
 */
const [url = "", deed = "", id = ""] = process.argv.slice(2);
const db = connect(url);
const hang = new Promise<never>(() => {});
setInterval(() => {}, 60_000);

const desk = openDesk(db, {
  timeoutMs: 600_000,
  wrap: (provider) => ({
    ...provider,
    authorize: (request, signal) => provider.authorize(request, signal).then(after("authorize")),
    void: (chargeId, signal) => provider.void(chargeId, signal).then(after("void")),
    capture: (chargeId, signal) => provider.capture(chargeId, signal).then(after("capture")),
  }),
});

switch (deed) {
  case "authorize":
    await desk.authorize(id, "tok_visa", { timeoutMs: 600_000 });
    break;
  case "void":
    await desk.void(id, 600_000);
    break;
  case "capture":
    await desk.capture(id);
    break;
  case "storm":
    await Promise.all(Array.from({ length: 4 }, storm));
}

/** Lets an answer through, unless it is the one that never arrives. */
function after(step: string) {
  return <T>(answer: T) => (step === deed ? hang : Promise.resolve(answer));
}

async function storm(_: unknown, lane: number): Promise<never> {
  for (;;) {
    const payment = newPaymentId();
    await desk.authorize(payment);
    if (lane === 1) await desk.capture(payment);
    if (lane === 2) await desk.void(payment);
  }
}
