import { boolean, index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { bytea, createdAt, moment, tenantId } from "./columns";

export const components = pgTable(
  "components",
  {
    tenantId: tenantId(),
    id: text("id").notNull(),
    contractId: text("contract_id").notNull(),
    name: text("name").notNull(),
    access: text("access").notNull().default("team"),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.id] }), index("components_contract").on(t.tenantId, t.contractId)],
);

/** A global client belongs to the instance's tenant, scope_kind global. */
export const authClients = pgTable(
  "auth_clients",
  {
    tenantId: tenantId(),
    id: text("id").notNull(),
    /** global, tenant, contract or workspace. */
    scopeKind: text("scope_kind").notNull(),
    contractId: text("contract_id"),
    workspaceId: text("workspace_id"),
    type: text("type").notNull(),
    name: text("name").notNull(),
    /** What is no secret: endpoints, client_id and options for oauth2; empty for other types. */
    options: jsonb("options").$type<Record<string, unknown>>().notNull(),
    /** Sealed JSON: client_secret for oauth2, the free-form credentials for other types. */
    sealed: bytea("sealed").notNull(),
    /** Bumped with `sealed`; part of its associated data. */
    generation: integer("generation").notNull().default(1),
    /** Bumped on every edit; an authorization under way for an older version is refused (OA-1). */
    version: integer("version").notNull().default(1),
    /** `redirect_uri_per: client`: the path segment of the shared redirect URI. */
    secretName: text("secret_name"),
    createdBy: text("created_by").notNull(),
    createdAt: createdAt(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.id] }),
    index("auth_clients_workspace").on(t.tenantId, t.workspaceId),
    index("auth_clients_contract").on(t.tenantId, t.contractId),
  ],
);

export const authClientComponents = pgTable(
  "auth_client_components",
  { tenantId: tenantId(), authClientId: text("auth_client_id").notNull(), componentId: text("component_id").notNull() },
  (t) => [primaryKey({ columns: [t.tenantId, t.authClientId, t.componentId] })],
);

/** What the refresher learned about a client; apart from the client so that an edit and a verdict never overwrite each other (I11). */
export const authClientState = pgTable(
  "auth_client_state",
  {
    tenantId: tenantId(),
    authClientId: text("auth_client_id").notNull(),
    /** Not null: CLIENT_BROKEN or PAUSED(config); all its secrets wait (REFRESH section 5). */
    problem: jsonb("problem").$type<Record<string, unknown>>(),
    /** The client version the problem was found with; an edit ends it. */
    problemVersion: integer("problem_version"),
    /** One secret may try again from then on. */
    nextProbeAt: moment("next_probe_at"),
    lastOkAt: moment("last_ok_at"),
    /** `token_endpoint_auth_method: auto` after it found out. */
    authMethod: text("auth_method"),
    learned: boolean("learned").notNull().default(false),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.authClientId] })],
);

/** Every `secretName` in use, so that no two connection contexts ever share a redirect URI (API.md). */
export const redirectNames = pgTable(
  "redirect_names",
  {
    tenantId: tenantId(),
    /** The workspace, contract or tenant whose code ends the name. */
    ownerId: text("owner_id").notNull(),
    slug: text("slug").notNull(),
    /** secret or auth-client. */
    contextKind: text("context_kind").notNull(),
    contextId: text("context_id").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenantId, t.ownerId, t.slug] }),
    index("redirect_names_context").on(t.tenantId, t.contextId),
  ],
);
