import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import test from "ava";
import pg from "pg";
import { CheckoutService } from "#gen/souk/order/v1/checkout_pb.ts";
import { PaymentService } from "#gen/souk/payment/v1/payment_pb.ts";
import { Code, type SoukError } from "#kit/error.ts";
import { start } from "#kit/run.ts";
import { defineService } from "#kit/service.ts";
import { pickFreePort } from "../../deploy/local/ports.ts";
import { gateway } from "../../services/gateway/program.ts";
import { eventually } from "../eventually.ts";
import { testEnvironment } from "../mesh.ts";
import { counter, migrations } from "../service/kit-bench.ts";
import { startTestEnvoy } from "./envoy-program.ts";
import { serving } from "./envoy-service.ts";

const ID = "018f6b1c-7c8e-7d0a-8a53-6f0a4f2f7e11";
const SLEEP = "select pg_sleep(600)";

for (const plane of ["local", "direct", "envoy"] as const) {
  test(`${plane}: who hangs up stops the gateway, the service, the next service and its SQL, and nothing is kept`, async (t) => {
    const ends = { order: Promise.withResolvers<SoukError>(), payment: Promise.withResolvers<SoukError>() };
    // Two services with the contracts of the shop: one calls the other, which writes and then takes very long.
    const order = defineService({
      name: "order",
      port: 0,
      settings: {},
      data: { entities: [counter], migrations },
      serve: () => [
        serving(CheckoutService, {
          completePayment: (_, call) =>
            noting(ends.order, async () => {
              await call.mesh(PaymentService).confirmPayment({ paymentId: ID });
              return {};
            }),
        }),
      ],
    });
    const payment = defineService({
      name: "payment",
      port: 0,
      settings: {},
      data: { entities: [counter], migrations },
      serve: ({ db }) => [
        serving(PaymentService, {
          confirmPayment: (_, call) =>
            noting(ends.payment, () =>
              db.write(call, async ({ sql, run }) => {
                await sql.insertInto("counter").values({ id: "kept", total: 1n }).execute();
                await run(SLEEP, []);
                return {};
              }),
            ),
        }),
      ],
    });
    const programs = [order, payment, gateway];
    const env: Record<string, string> = { ...(await testEnvironment(t, programs)), SOUK_DATA_PLANE: plane };
    const ports = {
      order: await pickFreePort(),
      payment: await pickFreePort(),
      gateway: await pickFreePort(),
    };
    for (const [name, port] of Object.entries(ports)) env[`${name.toUpperCase()}_PORT`] = String(port);
    env["SOUK_MESH_DIRECTORY"] = `order=127.0.0.1:${ports.order},payment=127.0.0.1:${ports.payment}`;
    let url = `http://127.0.0.1:${ports.gateway}`;
    if (plane === "envoy") {
      const running = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, [port]]));
      const envoy = await startTestEnvoy(t, running);
      if (envoy === undefined) return;
      env["SOUK_MESH_ADDRESS"] = envoy.meshAddress;
      url = envoy.edgeUrl;
    }
    const running = await start(programs, env);
    t.teardown(() => running.stop());
    const database = env["PAYMENT_DATABASE_URL"] as string;

    const hangUp = post(`${url}/souk.order.v1.CheckoutService/CompletePayment`, { orderId: ID });
    await eventually(async () => assert.equal(await sleepers(database), 1));
    hangUp();
    t.is((await ends.order.promise).code, Code.CANCELLED);
    t.is((await ends.payment.promise).reason, "CALLER_GONE");
    await eventually(async () => assert.equal(await sleepers(database), 0));
    t.deepEqual(await ask(database, "select id from counter"), []);
  });
}

/** Tells how work ended that somebody else waits for. */
async function noting<T>(end: PromiseWithResolvers<SoukError>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    end.resolve(error as SoukError);
    throw error;
  }
}

/** Sends a request as a browser does, and gives what closes its connection. */
function post(url: string, body: object): () => void {
  const request = httpRequest(url, { method: "POST", headers: { "content-type": "application/json" } });
  request.on("error", () => {});
  request.end(JSON.stringify(body));
  return () => request.destroy();
}

async function sleepers(database: string): Promise<number> {
  const rows = await ask(
    database,
    `select 1 from pg_stat_activity where datname = current_database() and state = 'active' and query = '${SLEEP}'`,
  );
  return rows.length;
}

async function ask(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
