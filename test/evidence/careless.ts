import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { file_souk_auth_v1_events } from "#gen/souk/auth/v1/events_pb.ts";
import { Code, SoukError } from "#kit/error.ts";
import { defineService } from "#kit/service.ts";
import { serving } from "../mesh/envoy-service.ts";
import { startTestMesh } from "../mesh.ts";

/**
 * Signs in at a service that keeps secrets, or at one that is careless with them:
 *   node careless.ts <nothing|log|error> <password>
 */
const [leak, password = ""] = process.argv.slice(2);

const careless = defineService({
  name: "auth",
  port: 3001,
  settings: {},
  data: { entities: [], migrations: [] },
  events: [file_souk_auth_v1_events],
  serve: () => [
    serving(AuthService, {
      async login(request, call) {
        if (leak === "log") call.log.info({ attempt: { what: request.password } }, "somebody signs in");
        const what = leak === "error" ? ` with ${request.password}` : "";
        throw new SoukError(Code.UNAUTHENTICATED, `nobody signs in${what}`);
      },
    }),
  ],
});

const ends: (() => Promise<void>)[] = [];
const mesh = await startTestMesh({ teardown: (end) => void ends.unshift(end) }, [careless]);
await mesh
  .withToken(AuthService, "")
  .login({ email: "ada@example.com", password })
  .catch(() => {});
for (const end of ends) await end();
