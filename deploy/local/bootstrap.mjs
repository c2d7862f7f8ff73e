// Runs a TypeScript program of this repository on a machine that has nothing but Node 20 and npm:
//   node deploy/local/bootstrap.mjs <script.ts> [arguments]
// This file therefore is plain JavaScript and imports no package.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const modules = join(root, "node_modules");
const stampFile = join(modules, ".souk-installed");

const [script, ...scriptArguments] = process.argv.slice(2);
try {
  if (script === undefined) throw new Error("Usage: node deploy/local/bootstrap.mjs <script.ts> [arguments]");
  if (!isInstalled()) await installOnce();
  run(findNode(), resolve(script), scriptArguments);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

/** Whether node_modules holds what package-lock.json asks for. */
function isInstalled() {
  const lockText = readFileSync(join(root, "package-lock.json"));
  const hash = createHash("sha256").update(lockText).digest("hex");
  const stamp = readIfThere(stampFile);
  if (stamp === hash) return true;
  // npm writes this file last, so where it is there, the installation came to its end.
  const installedText = readIfThere(join(modules, ".package-lock.json"));
  if (installedText === undefined) return false;
  const wanted = JSON.parse(lockText.toString()).packages;
  const installed = JSON.parse(installedText).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "" || (entry.optional && !installed[path])) continue;
    if (installed[path]?.version !== entry.version) return false;
    if (installed[path]?.integrity !== entry.integrity) return false;
  }
  try {
    writeFileSync(stampFile, hash);
  } catch {
    // Where node_modules may not be written to, the comparison is made each time.
  }
  return true;
}

/** Installs the dependencies; when another process is at it, waits for that one instead. */
async function installOnce() {
  const { dev, ino } = statSync(root);
  // A socket in Linux' abstract namespace: one process can have it, and the kernel frees it when that one dies.
  const lockName = `\0souk-install-${dev}-${ino}`;
  let announced = false;
  for (;;) {
    const lock = await takeLock(lockName);
    if (lock) {
      try {
        if (!isInstalled()) await install();
      } finally {
        lock.close();
      }
      return;
    }
    if (!announced) process.stderr.write("Waiting for another process that installs the dependencies.\n");
    announced = true;
    await untilReleased(lockName);
    if (isInstalled()) return;
  }
}

function takeLock(name) {
  return new Promise((resolve, reject) => {
    const waiting = new Set();
    const server = createServer((socket) => {
      waiting.add(socket);
      socket.on("error", () => {});
    });
    const close = () => {
      server.close();
      for (const socket of waiting) socket.destroy();
    };
    server.once("error", (error) => (error.code === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen(name, () => resolve({ close }));
  });
}

function untilReleased(name) {
  return new Promise((resolve) => {
    const socket = connect(name);
    socket.on("error", () => {});
    socket.on("close", resolve);
    socket.resume();
  });
}

function install() {
  process.stderr.write("Installing the dependencies with `npm ci`; this happens once.\n");
  const npm = findNpm();
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  return new Promise((resolve, reject) => {
    const child = spawn(npm.command, [...npm.args, "ci", ...quiet], {
      cwd: root,
      env: { ...process.env, PATH: pathWithoutModules() },
      stdio: ["ignore", "ignore", "inherit"],
    });
    child.once("error", (error) =>
      reject(new Error(`npm cannot be run (${error.message}). Put it on PATH.`)),
    );
    child.once("exit", (code, signal) => {
      if (code !== 0) {
        return reject(new Error(`\`npm ci\` failed (${signal ?? `exit code ${code}`}); see above.`));
      }
      if (!isInstalled()) {
        return reject(new Error("`npm ci` ended well, but node_modules does not match package-lock.json."));
      }
      resolve();
    });
  });
}

function findNpm() {
  const caller = process.env.npm_execpath;
  if (caller?.endsWith("npm-cli.js") && existsSync(caller)) {
    return { command: process.execPath, args: [caller] };
  }
  return { command: "npm", args: [] };
}

/** PATH as it was before npm put this repository's programs first: npm must not run on the Node it replaces. */
function pathWithoutModules() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.filter((folder) => !folder.startsWith(modules)).join(delimiter);
}

/** The Node of the dependencies, or the running one if that can run TypeScript. */
function findNode() {
  const bundled = join(modules, ".bin", "node");
  if (existsSync(bundled)) return bundled;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  throw new Error(
    `Node ${process.versions.node} cannot run TypeScript, and node_modules holds no newer one for ` +
      `${process.platform}-${process.arch}. Install Node 22.18 or later and start again.`,
  );
}

function run(node, file, args) {
  let command = node;
  let commandArguments = ["--disable-warning=ExperimentalWarning", file, ...args];
  // When this process is killed, the kernel ends the program (PR_SET_PDEATHSIG, prctl(2)).
  const help = spawnSync("setpriv", ["--help"], { encoding: "utf8", timeout: 5000 });
  if (help.stdout?.includes("--pdeathsig")) {
    // It may have died before the request; then the parent is another.
    const guard = ["/bin/sh", "-c", 'test "$PPID" = "$0" && exec "$@"', String(process.pid)];
    commandArguments = ["--pdeathsig", "TERM", "--", ...guard, command, ...commandArguments];
    command = "setpriv";
  }
  const child = spawn(command, commandArguments, {
    stdio: "inherit",
    // A group of its own: a signal from the terminal comes to this process alone, which passes it on once.
    detached: true,
    env: {
      ...process.env,
      PATH: [join(modules, ".bin"), pathWithoutModules()].join(delimiter),
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, ".souk/compile-cache"),
    },
  });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"];
  const passOn = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, passOn);
  child.once("error", (error) => {
    process.stderr.write(`${command} cannot be run: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.once("exit", (code, signal) => {
    for (const name of signals) process.off(name, passOn);
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code;
  });
}

function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
