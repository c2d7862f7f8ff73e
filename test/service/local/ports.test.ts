import { createServer } from "node:net";
import test, { type ExecutionContext } from "ava";
import { findPortOwner, isPortFree, pickFreePort, requirePortFree } from "../../../deploy/local/ports.ts";

async function occupy(t: ExecutionContext, host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.teardown(() => void server.close());
  return (server.address() as { port: number }).port;
}

test("the owner of a port is named by pid and command line", async (t) => {
  const port = await occupy(t, "127.0.0.1");
  const owner = findPortOwner(port);
  t.is(owner?.pid, process.pid);
  t.regex(owner?.command ?? "", /node.*ava/);
});

test("a port that is taken on all addresses is not free on one, and its owner is found", async (t) => {
  const port = await occupy(t, "0.0.0.0");
  t.false(await isPortFree(port));
  t.is(findPortOwner(port)?.pid, process.pid);
});

test("a free port has no owner and is granted", async (t) => {
  const port = await pickFreePort();
  t.true(await isPortFree(port));
  t.is(findPortOwner(port), undefined);
  await t.notThrowsAsync(requirePortFree("The gateway", port, "127.0.0.1", "SOUK_GATEWAY_PORT"));
});

test("a taken port is refused with its owner and the setting that helps", async (t) => {
  const port = await occupy(t, "127.0.0.1");
  await t.throwsAsync(requirePortFree("The gateway", port, "127.0.0.1", "SOUK_GATEWAY_PORT"), {
    message: new RegExp(
      `^The gateway needs port ${port} on 127.0.0.1, which is in use by process ${process.pid} .*SOUK_GATEWAY_PORT to another port.$`,
    ),
  });
});
