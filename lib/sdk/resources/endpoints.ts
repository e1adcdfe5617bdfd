import type { Many, One, Resource } from "../client";
import type { SecretType } from "./secrets";

/** Programs that Latchkey guards. */

/** Whom a proxy lets through to a program that Latchkey guards. */
export type Endpoint = Resource<
  "endpoint",
  {
    name: string;
    /** Everybody may pass. */
    open_access: boolean;
    /** What a token must have. */
    scopes: string[];
    /** What a token must say; null: as its secret has it. */
    issuer: string | null;
    audience: string | null;
    /** What the proxy asks. */
    check_url: string;
    /** The secrets that open it; of one that was deleted only the id is left. */
    opened_by: { id: string; name: string | null; type: SecretType | null }[];
    /** What keeps callers out although nobody meant to. */
    problem: { code: "no_secrets" | "secrets_deleted"; title: string; detail: string } | null;
    created_at: string;
    updated_at: string;
  },
  { workspace?: One<"workspace">; secrets?: Many<"auth-secret"> }
>;

/** Like checks of a minute. */
export type EndpointCheck = Resource<
  "endpoint-check",
  {
    outcome: "opened" | "refused" | "failed";
    /** A sentence; null where a secret opened it. */
    reason: string | null;
    secret: { id: string; name: string | null } | null;
    /** Null: not known, or one of too many to tell apart. */
    address: string | null;
    count: number;
    first_at: string;
    last_at: string;
  }
>;
