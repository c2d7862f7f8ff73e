import test from "ava";
import { start } from "#kit/run.ts";
import { user } from "../../services/user/service.ts";
import { testEnvironment } from "../mesh.ts";

test("a process that is told to stop again and again stops once, and everybody waits for that", async (t) => {
  const running = await start([user], await testEnvironment(t, [user]));
  const ready = `http://127.0.0.1:${running.programs[0]?.ports["operations"]}/health/live`;
  t.true((await fetch(ready)).ok);
  await Promise.all([running.stop(), running.stop()]);
  await running.stop();
  await t.throwsAsync(fetch(ready));
});

test("measurements say which program they are of, by its own name or by that of OpenTelemetry's setting", async (t) => {
  const env = await testEnvironment(t, [user]);
  for (const [more, name] of [[{}, "user"] as const, [{ OTEL_SERVICE_NAME: "people" }, "people"] as const]) {
    const running = await start([user], { ...env, ...more });
    t.teardown(() => running.stop());
    const metrics = await fetch(`http://127.0.0.1:${running.programs[0]?.ports["operations"]}/metrics`);
    t.regex(await metrics.text(), new RegExp(`^target_info\\{.*service_name="${name}"`, "m"));
  }
});
