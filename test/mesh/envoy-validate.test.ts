import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { envoyConfig } from "../../deploy/envoy/config.ts";
import { validateEnvoyConfig } from "../../deploy/local/envoy.ts";
import { services } from "../../deploy/local/shop.ts";
import { makePlace } from "../service/local/place.ts";
import { requireEnvoy } from "./envoy-program.ts";

const root = join(import.meta.dirname, "../..");
const address = (port: number, host = "127.0.0.1") => ({ host, port });

test("Envoy accepts what the command line generates for this machine", async (t) => {
  const { dir } = makePlace(t);
  const file = join(dir, "envoy.json");
  run("--out", file, "--access-log", "stdout");
  t.deepEqual(JSON.parse(readFileSync(file, "utf8")), JSON.parse(run("--access-log", "stdout")));
  const envoy = await requireEnvoy(t);
  if (envoy === undefined) return;
  await t.notThrowsAsync(validateEnvoyConfig(envoy.program, file));
});

test("Envoy accepts a topology of many machines with names, replicas and a service that does not run", async (t) => {
  const { dir } = makePlace(t);
  const file = join(dir, "envoy.json");
  const configuration = envoyConfig({
    services: services.map(({ name, port }, index) => ({
      name,
      addresses: index === 0 ? [] : [address(port, `${name}-0.shop`), address(port, `${name}-1.shop`)],
    })),
    gateway: [address(3000, "10.0.0.7"), address(3000, "10.0.0.8")],
    edge: address(8080, "0.0.0.0"),
    mesh: address(15001, "::"),
    admin: address(9901),
    accessLog: join(dir, "access.log"),
  });
  writeFileSync(file, JSON.stringify(configuration));
  const envoy = await requireEnvoy(t);
  if (envoy === undefined) return;
  await t.notThrowsAsync(validateEnvoyConfig(envoy.program, file));
});

test("a command line that cannot be used is refused with what is wrong and what could be said", (t) => {
  for (const [args, complaint] of [
    [["--edge", "8080"], /"8080" is no address; write host:port/],
    [["--services", "order"], /"order" names no service; write name=host:port/],
    [["--services", "order=10.0.0.1:3004"], /add them: auth, inventory, /],
    [["--edge-rate", "many"], /"many" is no rate; write how many/],
    [["--nonsense"], /--nonsense/],
  ] as const) {
    const error = t.throws(() => run(...args)) as Error & { status: number; stderr: Buffer };
    t.is(error.status, 78);
    t.regex(String(error.stderr), complaint);
    t.regex(String(error.stderr), /--out FILE/);
  }
});

function run(...args: string[]): string {
  const options = { cwd: root, stdio: "pipe", encoding: "utf8" } as const;
  return execFileSync(process.execPath, ["deploy/envoy/generate.ts", ...args], options);
}
