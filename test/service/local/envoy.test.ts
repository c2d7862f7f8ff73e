import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { findEnvoy, startEnvoy, validateEnvoyConfig } from "../../../deploy/local/envoy.ts";
import { makePlace } from "./place.ts";

const toolsDir = join(import.meta.dirname, "../../../.souk/tools");
const envoy = await findEnvoy({
  toolsDir,
  env: { ...process.env, SOUK_INSTALL_ENVOY: "off" },
  log: () => {},
});
const whereEnvoyIs = envoy ? test : test.skip;

function configuration(dir: string, portField: string): string {
  const file = join(dir, `${portField}.yaml`);
  writeFileSync(file, `admin: { address: { socket_address: { address: 127.0.0.1, ${portField}: 0 } } }\n`);
  return file;
}

whereEnvoyIs("Envoy starts with a sound configuration and answers on its admin address", async (t) => {
  const { dir, supervisor } = makePlace(t);
  if (!envoy) return;
  const configFile = configuration(dir, "port_value");
  await t.notThrowsAsync(validateEnvoyConfig(envoy.program, configFile));
  const running = await startEnvoy({ envoy, configFile, supervisor });
  const info = (await (await fetch(new URL("/server_info", running.url))).json()) as Record<string, unknown>;
  t.like(info, { state: "LIVE", command_line_options: { concurrency: 1, log_level: "warning" } });
});

whereEnvoyIs("what is wrong in a configuration is said", async (t) => {
  const { dir, supervisor } = makePlace(t);
  if (!envoy) return;
  const configFile = configuration(dir, "port_valu");
  await t.throwsAsync(validateEnvoyConfig(envoy.program, configFile), { message: /port_valu/ });
  await t.throwsAsync(startEnvoy({ envoy, configFile, supervisor }), { message: /port_valu/ });
});

test("without a program and with SOUK_INSTALL_ENVOY=off the shop runs without it and says so once", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "souk-envoy-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const lines: string[] = [];
  const env = { PATH: "", SOUK_INSTALL_ENVOY: "off" };
  t.is(await findEnvoy({ toolsDir: dir, env, log: (line) => lines.push(line) }), undefined);
  t.deepEqual(lines, ["Envoy: none on PATH, and SOUK_INSTALL_ENVOY is off; going on without it."]);
});
