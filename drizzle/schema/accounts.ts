import { index, integer, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, moment, reveal, revealCheck, tenantId } from "./columns";

/** The tree tenant > contract > workspace, the people and keys in it. The instance itself is the tenant of 24 zeros. */

export const tenants = pgTable(
  "tenants",
  {
    tenantId: tenantId().primaryKey(),
    name: text("name").notNull(),
    redirectCode: text("redirect_code").notNull().unique(),
    createdAt: createdAt(),
    /** For every secret of the tenant; a secret's own may be stricter. */
    reveal: reveal(),
  },
  (t) => [revealCheck("tenants_reveal", t.reveal)],
);

export const contracts = pgTable(
  "contracts",
  {
    tenantId: tenantId(),
    id: text("id").notNull(),
    name: text("name").notNull(),
    status: text("status").notNull().default("active"),
    redirectCode: text("redirect_code").notNull().unique(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.id] })],
);

export const workspaces = pgTable(
  "workspaces",
  {
    tenantId: tenantId(),
    id: text("id").notNull(),
    contractId: text("contract_id").notNull(),
    name: text("name").notNull(),
    type: text("type").notNull().default("full"),
    redirectCode: text("redirect_code").notNull().unique(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.id] }), index("workspaces_contract").on(t.tenantId, t.contractId)],
);

export const users = pgTable(
  "users",
  {
    tenantId: tenantId(),
    id: text("id").notNull(),
    /** As the person wrote it. */
    email: text("email").notNull(),
    /** Normalised for comparison (LGN-1). */
    emailKey: text("email_key").notNull(),
    firstName: text("first_name").notNull().default(""),
    lastName: text("last_name").notNull().default(""),
    passwordHash: text("password_hash"),
    registeredAt: moment("registered_at").notNull().defaultNow(),
    lastLoginAt: moment("last_login_at"),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.id] }), uniqueIndex("users_email").on(t.tenantId, t.emailKey)],
);

export const memberships = pgTable(
  "memberships",
  {
    tenantId: tenantId(),
    /** instance, tenant, contract or workspace. */
    scopeKind: text("scope_kind").notNull(),
    scopeId: text("scope_id").notNull(),
    userId: text("user_id").notNull(),
    role: text("role").notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.scopeKind, t.scopeId, t.userId] }),
    index("memberships_user").on(t.userId),
  ],
);

export const apiKeys = pgTable(
  "api_keys",
  {
    tenantId: tenantId(),
    id: text("id").notNull(),
    /** user: acts as that person. task: bound to one workspace. */
    kind: text("kind").notNull(),
    userId: text("user_id"),
    workspaceId: text("workspace_id"),
    name: text("name").notNull(),
    /** What a list may show to tell keys apart: the prefix and id part, never the random part. */
    hint: text("hint").notNull(),
    keyMac: text("key_mac").notNull(),
    /** Task identities: the subset granted at creation. A person's key: what it is limited to; null: all that person may do. */
    permissions: text("permissions").array(),
    /** A person's key: the only workspaces it reaches; null: all of the person's, and whatever lies above them. */
    workspaceIds: text("workspace_ids").array(),
    /** Addresses and ranges it may be used from; null: anywhere. */
    allowedAddresses: text("allowed_addresses").array(),
    expiresAt: moment("expires_at"),
    createdBy: text("created_by").notNull(),
    createdAt: createdAt(),
    lastUsedAt: moment("last_used_at"),
    /** When the key was seen in a URL (KEY-5): its owner is told to replace it. */
    exposedAt: moment("exposed_at"),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    uniqueIndex("api_keys_mac").on(t.keyMac),
    index("api_keys_workspace").on(t.tenantId, t.workspaceId),
  ],
);

export const sessions = pgTable(
  "sessions",
  {
    tenantId: tenantId(),
    id: text("id").notNull(),
    /** Keyed hash of the random id that the cookie's JWT carries. */
    tokenMac: text("token_mac").notNull(),
    userId: text("user_id").notNull(),
    createdAt: createdAt(),
    seenAt: moment("seen_at").notNull().defaultNow(),
    /** When the password was last given; step-up looks at this (SES-5). */
    authenticatedAt: moment("authenticated_at").notNull().defaultNow(),
    expiresAt: moment("expires_at").notNull(),
    userAgent: text("user_agent"),
    ip: text("ip"),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    uniqueIndex("sessions_token").on(t.tokenMac),
    index("sessions_user").on(t.tenantId, t.userId),
  ],
);

export const oneTimeCodes = pgTable(
  "one_time_codes",
  {
    tenantId: tenantId(),
    codeMac: text("code_mac").notNull(),
    /** setup or reset. */
    kind: text("kind").notNull(),
    userId: text("user_id"),
    createdAt: createdAt(),
    expiresAt: moment("expires_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.codeMac] })],
);

/** Failed sign-ins by account and by source (LGN-1); keys are keyed hashes. */
export const signInFailures = pgTable(
  "sign_in_failures",
  {
    tenantId: tenantId(),
    keyMac: text("key_mac").notNull(),
    failures: integer("failures").notNull().default(0),
    lastAt: moment("last_at").notNull().defaultNow(),
    blockedUntil: moment("blocked_until"),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.keyMac] })],
);
