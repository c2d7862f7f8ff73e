import { spawnSync } from "node:child_process";
import { printImports } from "../../deploy/contracts/generate.ts";
import { root } from "./outcome.ts";

const formatters = [
  ["biome", "check", "--write"],
  ["buf", "format", "--write", "proto"],
];

printImports();
for (const [program, ...args] of formatters) {
  const { status } = spawnSync(`node_modules/.bin/${program}`, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
