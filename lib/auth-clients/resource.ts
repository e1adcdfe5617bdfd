import { z } from "zod";
import { type Scope, scopeId } from "@/lib/access/scope";
import type { ClientFacts, ClientRow } from "@/lib/auth-clients/store";
import type { ClientUser } from "@/lib/auth-clients/usage-store";
import type { Sensitive } from "@/lib/crypto/sensitive";
import { AppError } from "@/lib/errors";
import { complaint, type Relationship, type Resource, related, relationshipTo } from "@/lib/http/json-api";
import { redirectUri } from "@/lib/oauth/redirect-names";
import { freeForm, secretText } from "@/lib/secret-types/free-form";
import type { GrantType } from "@/lib/secret-types/grant-types";
import { CLIENT_TYPE_NAMES, isSecretType, SECRET_TYPES, type SecretTypeName } from "@/lib/secret-types/index";
import { displayName } from "@/lib/secret-types/names";
import {
  asksWithLogin,
  type OAuth2ClientInput,
  type OAuth2Options,
  oauth2Client,
  oauth2ClientEditable,
} from "@/lib/secret-types/oauth2";

/** The wire form of auth clients, in and out (CONTRACT section 2, API.md). */

/** Where a client is asked to live, or from where it is looked at: an id to resolve, or global. */
export type ScopeWord = { kind: "global" } | { kind: "workspace" | "contract" | "tenant"; id: string };

const LEVELS = ["workspace", "contract", "tenant"] as const;

const components = z.strictObject({
  data: z
    .array(
      z.object({ id: z.string().min(1, "must name an id").max(64), type: z.literal("component", "must be component") }),
    )
    .max(500, "must name 500 components at most"),
});

const placed = z.strictObject({
  components: components.optional(),
  workspace: relationshipTo("workspace").optional(),
  contract: relationshipTo("contract").optional(),
  tenant: relationshipTo("tenant").optional(),
});

const KNOWN_TYPES = `must be ${CLIENT_TYPE_NAMES.slice(0, -1).join(", ")} or ${CLIENT_TYPE_NAMES.at(-1)}`;

const attributesOf = <Name extends SecretTypeName, Credentials extends z.ZodType>(
  type: Name,
  credentials: Credentials,
) => z.strictObject({ type: z.literal(type), name: displayName, credentials });

/** `POST /v2/auth-clients`. */
export const createBody = z.strictObject({
  data: z.strictObject({
    type: z.literal("auth-client", "must be auth-client"),
    attributes: z.discriminatedUnion(
      "type",
      [
        attributesOf("oauth2", oauth2Client),
        attributesOf("basic", SECRET_TYPES.basic.client),
        attributesOf("api_key", SECRET_TYPES.api_key.client),
        attributesOf("noauth", SECRET_TYPES.noauth.client),
      ],
      { error: (issue) => (issue.code === "invalid_union" ? KNOWN_TYPES : "must be an object") },
    ),
    relationships: placed.optional(),
  }),
});

export type CreateBody = z.infer<typeof createBody>;

/** What `createAuthClient` wants to know. */
export type ClientInput = {
  name: string;
  place: ScopeWord;
  componentIds: string[];
} & (
  | { type: "oauth2"; credentials: OAuth2ClientInput }
  | { type: Exclude<SecretTypeName, "oauth2">; credentials: Record<string, unknown> }
);

/** @throws AppError invalid_attribute when two scopes are named */
export function readCreate(body: CreateBody): ClientInput {
  const { attributes, relationships } = body.data;
  const named = LEVELS.filter((level) => relationships?.[level]);
  if (named.length > 1)
    throw new AppError("invalid_attribute", `A client lives in one place: name a ${named.join(" or a ")}, not both.`, {
      source: { pointer: `/data/relationships/${named[1]}` },
    });
  const level = named[0];
  const id = level && relationships?.[level]?.data.id;
  return {
    ...attributes,
    place: level && id ? { kind: level, id } : { kind: "global" },
    componentIds: componentIdsOf(relationships) ?? [],
  };
}

const unknownMember = z.unknown().optional();

/** `PATCH /v2/auth-clients/{id}`; what its members may be depends on the client and is judged in `readOAuth2Change`. */
export const updateBody = z.strictObject({
  data: z.strictObject({
    type: z.literal("auth-client", "must be auth-client"),
    id: z.string().optional(),
    attributes: z
      .strictObject({
        type: z.string("must be text").optional(),
        name: displayName.optional(),
        credentials: freeForm.optional(),
      })
      .optional(),
    relationships: placed.optional(),
    links: unknownMember,
  }),
});

export type UpdateBody = z.infer<typeof updateBody>;

export function componentIdsOf(relationships: z.infer<typeof placed> | undefined): string[] | undefined {
  const given = relationships?.components?.data;
  return given && [...new Set(given.map((one) => one.id))];
}

const DESTINATIONS_AND_IDENTITY = [
  "client_id",
  "auth_uri",
  "token_uri",
  "refresh_token_uri",
  "revocation_uri",
  "issuer",
  "grant_type",
  "provider",
  "redirect_uri_per",
  "token_request_credentials",
] as const satisfies readonly (keyof OAuth2Options)[];

/** Everything that can never change; saying again what is already so is no change. */
function refuseChange(pointer: string, what: string): never {
  throw new AppError(
    "invalid_attribute",
    `${what} of an existing client cannot be changed, because it decides where secrets are sent. Create a new client instead.`,
    { source: { pointer } },
  );
}

/**
 * Refuses a PATCH that would change the type, the scope or, for oauth2, a destination (AZ-9).
 *
 * @throws AppError invalid_attribute
 */
export function refuseImmutable(row: ClientRow, body: UpdateBody): void {
  const { id, attributes, relationships } = body.data;
  if (id !== undefined && id !== row.id)
    throw new AppError("invalid_attribute", "The id is not the one in the address.", {
      source: { pointer: "/data/id" },
    });
  if (attributes?.type !== undefined && attributes.type !== row.type) refuseChange("/data/attributes/type", "The type");
  for (const level of LEVELS) {
    const named = relationships?.[level];
    if (named && !(row.scope.kind === level && scopeId(row.scope) === named.data.id))
      throw new AppError("invalid_attribute", "A client cannot be moved to another place. Create a new one there.", {
        source: { pointer: `/data/relationships/${level}` },
      });
  }
  const credentials = attributes?.credentials;
  if (row.type !== "oauth2" || !credentials) return;
  for (const name of DESTINATIONS_AND_IDENTITY)
    if (Object.hasOwn(credentials, name) && credentials[name] !== (row.options[name] ?? null))
      refuseChange(`/data/attributes/credentials/${name}`, name);
}

const editable = oauth2ClientEditable.shape;

/** Every editable key, absent = keep, null = back to the default (VAL-3). */
const oauth2Change = z.strictObject({
  client_secret: secretText.nullish(),
  token_expires_in: editable.token_expires_in.nullable(),
  token_endpoint_auth_method: editable.token_endpoint_auth_method.nullable(),
  pkce: editable.pkce.nullable(),
  scope_separator: editable.scope_separator.nullable(),
  authorize_params: editable.authorize_params.nullable(),
  token_params: editable.token_params.nullable(),
  refresh_params: editable.refresh_params.nullable(),
  resource: editable.resource.nullable(),
  token_request_grant_type: editable.token_request_grant_type.nullable(),
  token_request_format: editable.token_request_format.nullable(),
});

export type OAuth2Change = z.infer<typeof oauth2Change>;

/**
 * The editable part of an oauth2 PATCH; run `refuseImmutable` first.
 *
 * @throws AppError invalid_attribute
 */
export function readOAuth2Change(credentials: Record<string, unknown>): OAuth2Change {
  const immutable: readonly string[] = DESTINATIONS_AND_IDENTITY;
  const rest = Object.fromEntries(Object.entries(credentials).filter(([name]) => !immutable.includes(name)));
  const parsed = oauth2Change.safeParse(rest);
  if (!parsed.success) throw complaint(parsed.error, ["data", "attributes", "credentials"]);
  return parsed.data;
}

/** How much of a client an answer shows. */
export interface ClientView extends ClientFacts {
  /**
   * Null: no `credentials` key. Otherwise what the caller may see; the secret part is missing from it for browser sessions.
   */
  credentials: Sensitive<Record<string, unknown>> | null;
  /** oauth2 and entitled callers: whether a client secret is stored. */
  hasClientSecret?: boolean;
  /** Secrets that use it at or below the place it is looked at from. */
  usedBy?: number;
}

/** One client as JSON:API. */
export function toResource(row: ClientRow, view: ClientView): Resource {
  const components: Relationship = { data: view.componentIds.map((id) => ({ id, type: "component" })) };
  const host = hostOf(row);
  return {
    id: row.id,
    type: "auth-client",
    attributes: {
      type: row.type,
      name: row.name,
      ...(view.credentials ? { credentials: view.credentials.reveal() } : {}),
      ...(view.hasClientSecret === undefined ? {} : { has_client_secret: view.hasClientSecret }),
      ...(host ? { host } : {}),
      ...grantOf(row),
      ...(row.secretName ? { redirect_uri: redirectUri(row.secretName) } : {}),
      visibility: row.scope.kind,
      created_at: row.createdAt.toISOString(),
      updated_at: row.updatedAt.toISOString(),
      problem: view.problem,
      ...(view.usedBy === undefined ? {} : { used_by: view.usedBy }),
    },
    relationships: { components, ...scopeRelationship(row.scope) },
    links: { self: `/v2/auth-clients/${row.id}` },
  };
}

function scopeRelationship(scope: Scope): Record<string, Relationship> {
  if (scope.kind === "global") return {};
  const id = scopeId(scope);
  return { [scope.kind]: related(scope.kind, id, `/v2/${scope.kind}s/${id}`) };
}

/** What the wire shows of an oauth2 client's options; the rest of them is Latchkey's own knowledge. */
export function wireOptions(options: OAuth2Options): Record<string, unknown> {
  const { auth_methods_supported: _methods, iss_parameter: _iss, client_id, ...shown } = options;
  return client_id === "" ? shown : { client_id, ...shown };
}

/** For everybody who sees the client: whether its secrets are authorized in a browser decides what one can do with them. */
function grantOf(row: Pick<ClientRow, "type" | "options">): { grant_type?: GrantType; asks_with_login?: true } {
  if (row.type !== "oauth2") return {};
  const options = row.options as unknown as OAuth2Options;
  return { grant_type: options.grant_type, ...(asksWithLogin(options) ? { asks_with_login: true } : {}) };
}

/** The host a person recognises the client by. */
export function hostOf(row: Pick<ClientRow, "type" | "options">): string | null {
  if (row.type !== "oauth2") return null;
  const address = row.options.auth_uri ?? row.options.token_uri;
  return typeof address === "string" && URL.canParse(address) ? new URL(address).host : null;
}

/** A client among the `included` of a secret: nothing of its credentials. */
export function toSummary(row: ClientRow): Resource {
  const host = hostOf(row);
  return {
    id: row.id,
    type: "auth-client",
    attributes: {
      name: row.name,
      type: row.type,
      ...(host ? { host } : {}),
      ...grantOf(row),
      visibility: row.scope.kind,
    },
    relationships: scopeRelationship(row.scope),
    links: { self: `/v2/auth-clients/${row.id}` },
  };
}

/** One secret that uses a client. */
export function toUsage(user: ClientUser): Resource {
  return {
    id: user.secretId,
    type: "auth-client-usage",
    attributes: { name: user.name, workspace_name: user.workspaceName },
    relationships: {
      workspace: related("workspace", user.workspaceId, `/v2/workspaces/${user.workspaceId}`),
      secret: related("auth-secret", user.secretId, `/v2/workspaces/${user.workspaceId}/secrets/${user.secretId}`),
    },
  };
}

/**
 * The scope parameter of a query.
 *
 * @throws AppError invalid_parameter when there are two
 */
export function readScopeWord(query: URLSearchParams): Exclude<ScopeWord, { kind: "global" }> | null {
  const given = LEVELS.filter((level) => query.has(`${level}_id`));
  if (given.length > 1 || (given[0] && query.getAll(`${given[0]}_id`).length > 1))
    throw new AppError("invalid_parameter", "Name one place: workspace_id, contract_id or tenant_id, and only once.", {
      source: { parameter: `${given.at(-1)}_id` },
    });
  const kind = given[0];
  return kind ? { kind, id: query.get(`${kind}_id`) ?? "" } : null;
}

/** @throws AppError invalid_parameter for a type that does not exist */
export function readListFilter(query: URLSearchParams): { componentId?: string; type?: SecretTypeName } {
  const componentId = query.get("filter[component]") ?? undefined;
  const type = query.get("filter[type]") ?? undefined;
  if (type !== undefined && !isSecretType(type))
    throw new AppError("invalid_parameter", `filter[type] ${KNOWN_TYPES}.`, { source: { parameter: "filter[type]" } });
  return { componentId, type };
}
