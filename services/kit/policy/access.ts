import { methodName } from "../contract.ts";
import { MeshReason, refuseMesh } from "../error.ts";
import type { ServicePrincipal, User } from "../principal.ts";
import type { Interceptor, OpenCall } from "../rpc/call.ts";

/** Lets those call a method whom its contract names, and refuses everyone else. */
export const access: Interceptor = (next) => async (call, request) => {
  checkAccess(call);
  return next(call, request);
};

function checkAccess(call: OpenCall): void {
  const { access } = call.policy;
  if (access.public !== undefined) return;
  if (access.callers.length > 0 && call.caller !== undefined && access.callers.includes(call.caller)) return;
  if (access.callers.length > 0 && access.permission === "") {
    throw refuseMesh(
      MeshReason.CALLER_REFUSED,
      `${methodName(call.method)} is open to these services only: ${access.callers.join(", ")}`,
    );
  }
  const { principal } = call;
  if (principal.kind === "anonymous" || speaksForNobody(principal)) {
    throw refuseMesh(
      MeshReason.TOKEN_MISSING,
      `${methodName(call.method)} needs a signed-in user; send authorization: Bearer <access token>`,
    );
  }
  if (
    access.permission !== "" &&
    !principal.permissions.has(access.permission) &&
    !principal.permissions.has("*")
  ) {
    throw refuseMesh(
      MeshReason.PERMISSION_MISSING,
      `${methodName(call.method)} asks for the permission ${access.permission}`,
      { metadata: { permission: access.permission } },
    );
  }
  if (access.authenticated !== undefined && principal.kind === "user" && principal.machine) {
    throw refuseMesh(
      MeshReason.PERMISSION_MISSING,
      `${methodName(call.method)} is done for somebody who signed in; an API key carries permissions only`,
    );
  }
  if (access.authenticated !== undefined && principal.kind !== "user") {
    throw refuseMesh(
      MeshReason.TOKEN_MISSING,
      `${methodName(call.method)} is done for a signed-in user; send a user's access token`,
    );
  }
}

/** A service that calls on nobody's behalf, as the gateway does before its caller signs in. */
function speaksForNobody(principal: User | ServicePrincipal): boolean {
  return principal.kind === "service" && principal.permissions.size === 0;
}
