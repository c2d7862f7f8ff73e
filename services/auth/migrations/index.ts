import type { Migrations } from "#kit/data/migrations.ts";
import { accounts } from "./0001-accounts.ts";
import { audit } from "./0002-audit.ts";
import { identity } from "./0003-identity.ts";
import { access } from "./0004-access.ts";
import { openid } from "./0005-openid.ts";
import { keyRotation } from "./0006-key-rotation.ts";
import { auditByTime } from "./0007-audit-by-time.ts";
import { erasedAccounts } from "./0008-erased-accounts.ts";

export const migrations: Migrations = [
  accounts,
  audit,
  identity,
  access,
  openid,
  keyRotation,
  auditByTime,
  erasedAccounts,
];
