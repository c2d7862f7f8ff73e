import { AuthService } from "#gen/souk/auth/v1/auth_pb.ts";
import { serving, startService } from "./envoy-service.ts";

// A replica that is a process of its own, so that it can be killed: it says its number on the port it is given.
const getKeySet = async () => ({ jwksJson: String(process.pid) });
await startService([serving(AuthService, { getKeySet })], Number(process.argv[2]));
