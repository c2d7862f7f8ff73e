import test from "ava";
import { LoginRequestSchema } from "#gen/souk/auth/v1/auth_pb.ts";
import { AccountRegisteredSchema, EmailVerifiedSchema } from "#gen/souk/auth/v1/events_pb.ts";
import { checkSubscriptions, on } from "#kit/events/subscription.ts";

const heeds = on(AccountRegisteredSchema, async () => {});

test("a service heeds the events that it lists, or is told which one to list or to remove", (t) => {
  t.notThrows(() => checkSubscriptions("user", [AccountRegisteredSchema], [heeds]));
  t.throws(() => checkSubscriptions("user", [], [heeds]), {
    message: "user heeds souk.auth.v1.AccountRegistered; list it under consumes",
  });
  t.throws(() => checkSubscriptions("user", [AccountRegisteredSchema, EmailVerifiedSchema], [heeds]), {
    message: "user lists souk.auth.v1.EmailVerified under consumes; heed it or remove it",
  });
});

test("what is no event cannot be heeded", (t) => {
  t.throws(() => on(LoginRequestSchema, async () => {}), { message: /is no event/ });
});
