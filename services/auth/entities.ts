import { defineEntity, p } from "@mikro-orm/core";
import { AuditHead, AuditRecord } from "./audit/entities.ts";

/** Somebody who can sign in. */
export const Account = defineEntity({
  name: "Account",
  tableName: "account",
  properties: {
    id: p.uuid().primary(),
    /** In lower case. */
    email: p.text().unique(),
    /** An argon2id hash in PHC format. */
    passwordHash: p.text(),
    roles: p.array(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** A refresh token that was given out; all that descend from one sign-in are a family. */
export const RefreshToken = defineEntity({
  name: "RefreshToken",
  tableName: "refresh_token",
  properties: {
    /** SHA-256 of the token: who reads the database cannot use it. */
    tokenHash: p.blob().primary(),
    familyId: p.uuid(),
    accountId: p.uuid(),
    createTime: p.datetime().defaultRaw("now()"),
    expireTime: p.datetime(),
    useTime: p.datetime().nullable(),
    revokeTime: p.datetime().nullable(),
  },
});

/** A key that signs access tokens. */
export const SigningKey = defineEntity({
  name: "SigningKey",
  tableName: "signing_key",
  properties: {
    /** The key's id in tokens. */
    kid: p.text().primary(),
    publicJwk: p.json(),
    /** The private key, encrypted. */
    privateKey: p.blob(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

export const entities = [Account, RefreshToken, SigningKey, AuditRecord, AuditHead] as const;
