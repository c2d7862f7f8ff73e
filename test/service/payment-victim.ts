import { connect, newPaymentId, openDesk } from "./payment-desk.ts";

/**
 * A process to be killed. Its arguments are the database's URL, what to do, the payment, and whether to hang before
 * or after what the provider does; with the code of a gift card, that pays EUR 10.00 of what is authorized.
 *
 * `authorize`, `void`, `capture`, `refund`, `confirm` and `expire` hang before the provider's deed, or between that and its
 * record, and say so; `storm` authorizes, captures and voids payments until it is killed.
 */
const [url = "", deed = "", id = "", moment = "after", code = ""] = process.argv.slice(2);
const db = connect(url);
const hang = new Promise<never>(() => {});
setInterval(() => {}, 60_000);

const desk = openDesk(db, {
  timeoutMs: 600_000,
  wrap: (provider) => ({
    ...provider,
    authorize: hangingAt("authorize", provider.authorize),
    void: hangingAt(deed === "expire" ? "expire" : "void", provider.void),
    capture: hangingAt("capture", provider.capture),
    refund: hangingAt("refund", provider.refund),
    get: hangingAt("confirm", provider.get),
  }),
});

switch (deed) {
  case "authorize":
    await desk.authorize(id, "tok_visa", {
      timeoutMs: 600_000,
      ...(code !== "" && { means: [{ kind: "GIFT_CARD", code, minor: 1000n }] }),
    });
    break;
  case "void":
    await desk.void(id, 600_000);
    break;
  case "capture":
    await desk.capture(id);
    break;
  case "refund":
    await desk.refund(id, { refundId: id });
    break;
  case "confirm":
    await desk.confirm(id);
    break;
  case "expire":
    await desk.expire();
    break;
  case "storm":
    await Promise.all(Array.from({ length: 4 }, storm));
}

/** What the provider does, unless it is the deed that hangs. */
function hangingAt<A extends unknown[], T>(step: string, ask: (...args: A) => Promise<T>) {
  return async (...args: A): Promise<T> => {
    if (step === deed && moment === "before") return hangs();
    const answer = await ask(...args);
    return step === deed ? hangs() : answer;
  };
}

function hangs(): Promise<never> {
  process.stdout.write("hangs\n");
  return hang;
}

async function storm(_: unknown, lane: number): Promise<never> {
  for (;;) {
    const payment = newPaymentId();
    await desk.authorize(payment);
    if (lane === 1) await desk.capture(payment);
    if (lane === 2) await desk.void(payment);
  }
}
