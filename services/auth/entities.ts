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
    /** An argon2id hash in PHC format; null for those who only sign in through an OpenID provider. */
    passwordHash: p.text().nullable(),
    roles: p.array(),
    createTime: p.datetime().defaultRaw("now()"),
    emailVerifyTime: p.datetime().nullable(),
    disableTime: p.datetime().nullable(),
    disableReason: p.text().nullable(),
    lastLoginTime: p.datetime().nullable(),
    /** When its roles changed, or it was disabled or enabled: older access tokens say something else. */
    accessChangeTime: p.datetime().nullable(),
    /** When its owner was deleted: a shell that refuses its access tokens until they have ended. */
    deleteTime: p.datetime().nullable(),
  },
});

/** A sign-in and all that descends from it. */
export const Session = defineEntity({
  name: "Session",
  tableName: "session",
  properties: {
    id: p.uuid().primary(),
    accountId: p.uuid(),
    ipAddress: p.text().nullable(),
    userAgent: p.text().nullable(),
    createTime: p.datetime().defaultRaw("now()"),
    lastUseTime: p.datetime().defaultRaw("now()"),
    expireTime: p.datetime(),
    endTime: p.datetime().nullable(),
  },
});

/** A refresh token that was given out. */
export const RefreshToken = defineEntity({
  name: "RefreshToken",
  tableName: "refresh_token",
  properties: {
    /** SHA-256 of the token: who reads the database cannot use it. */
    tokenHash: p.blob().primary(),
    sessionId: p.uuid(),
    createTime: p.datetime().defaultRaw("now()"),
    expireTime: p.datetime(),
    useTime: p.datetime().nullable(),
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
    /** When it begins to sign; it is published before. */
    signFromTime: p.datetime().defaultRaw("now()"),
  },
});

/** A token that was mailed to somebody. */
export const MailedToken = defineEntity({
  name: "MailedToken",
  tableName: "mailed_token",
  properties: {
    /** SHA-256 of the token. */
    tokenHash: p.blob().primary(),
    purpose: p.text().$type<"verify-email" | "reset-password">(),
    accountId: p.uuid(),
    /** The address that it was mailed to. */
    email: p.text(),
    expireTime: p.datetime(),
  },
});

/** Somebody asked to reset the password of an address that may or may not have an account. */
export const PasswordResetRequest = defineEntity({
  name: "PasswordResetRequest",
  tableName: "password_reset_request",
  properties: { id: p.uuid().primary(), email: p.text() },
});

/** A sign-in that waits for its second factor. */
export const LoginChallenge = defineEntity({
  name: "LoginChallenge",
  tableName: "login_challenge",
  properties: {
    /** SHA-256 of the token. */
    tokenHash: p.blob().primary(),
    accountId: p.uuid(),
    expireTime: p.datetime(),
  },
});

/** The secret of an account's one-time passwords. */
export const SecondFactor = defineEntity({
  name: "SecondFactor",
  tableName: "second_factor",
  properties: {
    accountId: p.uuid().primary(),
    /** Encrypted. */
    secret: p.blob(),
    /** When it was turned on; until then it only waits. */
    confirmTime: p.datetime().nullable(),
    /** The time step of the last code that was accepted: no code serves twice. */
    lastStep: p.bigint().defaultRaw("0"),
  },
});

/** A code that replaces a one-time password once. */
export const RecoveryCode = defineEntity({
  name: "RecoveryCode",
  tableName: "recovery_code",
  properties: {
    accountId: p.uuid().primary(),
    /** SHA-256 of the code. */
    codeHash: p.blob().primary(),
  },
});

/** Attempts that failed, or are under way. */
export const FailedAttempt = defineEntity({
  name: "FailedAttempt",
  tableName: "failed_attempt",
  properties: {
    /** SHA-256 of what is counted. */
    key: p.blob().primary(),
    attempts: p.integer(),
    blockedUntil: p.datetime(),
    expireTime: p.datetime(),
  },
});

/** A role that staff made, or a built-in one that they changed. */
export const Role = defineEntity({
  name: "Role",
  tableName: "role",
  properties: {
    name: p.text().primary(),
    displayName: p.text(),
    description: p.text(),
    permissions: p.array(),
    version: p.integer().default(1),
  },
});

/** A key with which a machine acts for an account. */
export const ApiKey = defineEntity({
  name: "ApiKey",
  tableName: "api_key",
  properties: {
    id: p.uuid().primary(),
    accountId: p.uuid(),
    displayName: p.text(),
    prefix: p.text(),
    /** SHA-256 of the key. */
    keyHash: p.blob(),
    scopes: p.array(),
    createTime: p.datetime().defaultRaw("now()"),
    expireTime: p.datetime().nullable(),
    lastUseTime: p.datetime().nullable(),
    revokeTime: p.datetime().nullable(),
  },
});

/** An identity at an outside OpenID provider that signs in to an account. */
export const LinkedIdentity = defineEntity({
  name: "LinkedIdentity",
  tableName: "linked_identity",
  properties: {
    id: p.uuid().primary(),
    accountId: p.uuid(),
    providerId: p.text(),
    /** What the provider knows the user by; unlike an address it is never given to somebody else. */
    subject: p.text(),
    /** What the provider told; empty when it told none. */
    email: p.text(),
    createTime: p.datetime().defaultRaw("now()"),
  },
});

/** A sign-in or a linking on its way through an OpenID provider. */
export const OpenIdFlow = defineEntity({
  name: "OpenIdFlow",
  tableName: "openid_flow",
  properties: {
    /** SHA-256 of the state. */
    stateHash: p.blob().primary(),
    providerId: p.text(),
    /** The account to link to; null for a sign-in. */
    accountId: p.uuid().nullable(),
    redirectUri: p.text(),
    codeVerifier: p.text(),
    nonce: p.text(),
    expireTime: p.datetime(),
  },
});

export const entities = [
  Account,
  Session,
  RefreshToken,
  SigningKey,
  MailedToken,
  PasswordResetRequest,
  LoginChallenge,
  SecondFactor,
  RecoveryCode,
  FailedAttempt,
  Role,
  ApiKey,
  LinkedIdentity,
  OpenIdFlow,
  AuditRecord,
  AuditHead,
] as const;
