import { execFile } from "node:child_process";
import { type DescMethod, fromBinary } from "@bufbuild/protobuf";
import test from "ava";
import { contracts } from "#gen/contracts.ts";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { OperationsService } from "#gen/souk/mesh/v1/operations_pb.ts";
import { methodName, policyOf, serviceNameOf } from "#kit/contract.ts";
import { serviceTokens } from "#kit/identity/service-token.ts";
import type { SHELL_VARIABLES } from "../../deploy/contracts/api-examples.ts";
import { findOnPath } from "../../deploy/local/programs.ts";
import { servicePrograms } from "../../deploy/local/service-programs.ts";
import { gateway } from "../../services/gateway/program.ts";
import { afterFile } from "../after-file.ts";
import { startTestMesh, type TestMesh } from "../mesh.ts";
import { requireTool } from "../tools.ts";
import { type DocumentedExample, documentedExamples } from "./documents.ts";

const examples = documentedExamples();
const methods = new Map(
  [...contracts]
    .filter((it) => it.kind === "service")
    .flatMap((it) => it.methods)
    .map((method) => [methodName(method), method]),
);

/** Programs that run at a time; each is a process of its own. */
const AT_A_TIME = 4;
/** After so long a stream of answers has shown that it goes on. */
const STREAM_MS = 3_000;

let mesh: TestMesh;
let userToken = "";
const file = afterFile(test);

test.before(async () => {
  // Some methods end the session of the user who calls them; the others shall be looked at all the same.
  const env = { NOTIFICATION_SMTP_URL: "smtp://127.0.0.1:1", SOUK_ACCESS_POLL_MS: "3600000" };
  mesh = await startTestMesh(file, [...servicePrograms, gateway], { env });
  const { tokens } = await mesh.withToken(AuthService, "").register({
    email: "ada@example.com",
    password: "correct horse battery",
    firstName: "Ada",
    lastName: "Lovelace",
  });
  userToken = tokens?.accessToken ?? "";
});

test("every method has an example for grpcurl, and one for curl where it is open to the outside and no stream", (t) => {
  const withExample = (program: string) =>
    new Set(examples.filter((it) => it.program === program).map(({ method }) => method));
  t.deepEqual([...withExample("grpcurl")].sort(), [...methods.keys()].sort());
  const curl = withExample("curl");
  for (const [name, method] of methods) {
    const { callers, permission } = policyOf(method).access;
    const open = callers.length === 0 || permission !== "";
    const fit = open && method.methodKind === "unary" && method.parent !== OperationsService;
    t.is(curl.has(name), fit, name);
  }
});

for (const program of ["curl", "grpcurl"] as const) {
  test(`every example for ${program} is answered, or refused for a reason that the reference names`, async (t) => {
    const found = requireTool(t, program, findOnPath(program));
    if (found === undefined) return;
    const waiting = examples.filter((it) => it.program === program);
    const complaints: string[] = [];
    const runSome = async () => {
      for (let example = waiting.pop(); example !== undefined; example = waiting.pop()) {
        const complaint = complaintOf(example, await call(example));
        if (complaint !== undefined) complaints.push(complaint);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, runSome));
    t.deepEqual(complaints, []);
  });
}

/** How an example ended. */
interface Answer {
  readonly ok: boolean;
  readonly reason: string;
  readonly output: string;
}

/** Nobody who copies an example from the reference is to be told that it is wrong. */
const BAD_EXAMPLE = new Set(["INVALID_REQUEST", "UNEXPECTED", "TOKEN_INVALID", "TOKEN_MISSING"]);

function complaintOf({ method, program, reasons }: DocumentedExample, answer: Answer): string | undefined {
  if (answer.ok) return undefined;
  if (reasons.has(answer.reason) && !BAD_EXAMPLE.has(answer.reason)) return undefined;
  return `${method} by ${program}: ${answer.output}`;
}

async function call({ method: name, program, command }: DocumentedExample): Promise<Answer> {
  const method = methods.get(name) as DescMethod;
  const { ended, exitCode, stdout, stderr } = await runInShell(command, variablesFor(method), method);
  if (!ended) return { ok: true, reason: "", output: "" };
  const output = `${stdout}${stderr}`;
  if (program === "grpcurl") {
    return { ok: exitCode === 0, reason: /"reason":\s*"(\w+)"/.exec(output)?.[1] ?? "", output };
  }
  const at = stdout.lastIndexOf("\n");
  const [body, status] = [stdout.slice(0, at), stdout.slice(at + 1)];
  return { ok: status === "200", reason: status === "200" ? "" : reasonOf(body), output };
}

/** The shell of somebody who did as the reference says. */
function variablesFor(method: DescMethod): Record<keyof typeof SHELL_VARIABLES, string> {
  const service = method.parent === OperationsService ? "order" : serviceNameOf(method.parent);
  return {
    SHOP: `http://127.0.0.1:${mesh.port("gateway", "http")}`,
    // Without Envoy each service takes its calls itself.
    MESH: `127.0.0.1:${mesh.port(service)}`,
    USER_TOKEN: userToken,
    STAFF_TOKEN: tokenOf("operator"),
    SERVICE_TOKEN: tokenOf(policyOf(method).access.callers[0] ?? "operator"),
  };
}

function tokenOf(service: string): string {
  return serviceTokens(service, JSON.parse(mesh.env[`${service.toUpperCase()}_SERVICE_KEY`] as string))();
}

/** curl tells the status after the body, so that the command stays as it is documented. */
const WITH_STATUS = `curl() { command curl -w '\\n%{http_code}' "$@"; }`;

function runInShell(command: string, env: Record<string, string>, method: DescMethod) {
  const isStream = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
  return new Promise<{ ended: boolean; exitCode: number; stdout: string; stderr: string }>((resolve) => {
    execFile(
      "/bin/sh",
      ["-c", `${WITH_STATUS}\n${command}`],
      {
        env: { PATH: process.env["PATH"], ...env },
        timeout: isStream ? STREAM_MS : 0,
        killSignal: "SIGKILL",
      },
      (error, stdout, stderr) => {
        resolve({ ended: error?.killed !== true, exitCode: Number(error?.code ?? 0), stdout, stderr });
      },
    );
  });
}

/** The reason in an error as Connect writes it. */
function reasonOf(body: string): string {
  const { details = [] } = JSON.parse(body) as { details?: { type: string; value: string }[] };
  const info = details.find(({ type }) => type === ErrorInfoSchema.typeName);
  return info === undefined ? "" : fromBinary(ErrorInfoSchema, Buffer.from(info.value, "base64")).reason;
}
