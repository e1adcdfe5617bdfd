import { AT_CREDENTIALS, EDITABLE_DEFAULTS, refuseUnused } from "@/lib/auth-clients/complete-oauth2";
import type { SealedOAuth2 } from "@/lib/auth-clients/opened";
import { type OAuth2Change, readOAuth2Change } from "@/lib/auth-clients/resource";
import { openSealed } from "@/lib/auth-clients/seen";
import type { ClientRow } from "@/lib/auth-clients/store";
import { Sensitive } from "@/lib/crypto/sensitive";
import { AppError } from "@/lib/errors";
import type { OAuth2Options } from "@/lib/secret-types/oauth2";

/** What an edit makes of a client. */

/** What is sealed of a client; not oauth2: all of its credentials. */
export type SecretPart = Sensitive<Record<string, unknown>>;

export const sealedPart = (clientSecret: Sensitive<string> | undefined): SecretPart =>
  new Sensitive<SealedOAuth2 & Record<string, unknown>>(
    clientSecret === undefined ? {} : { client_secret: clientSecret.reveal() },
  );

export interface Change {
  name: string;
  options: Record<string, unknown>;
  /** Undefined: the sealed part stays. */
  secret?: SecretPart;
  /** What differs, for the audit; empty: nothing. */
  changed: string[];
  /** How the client authenticates was set anew: what was learned no longer counts. */
  forgetMethod: boolean;
}

export async function changeOf(
  row: ClientRow,
  name: string | undefined,
  credentials: Record<string, unknown> | undefined,
): Promise<Change> {
  const change: Change = { name: name ?? row.name, options: row.options, changed: [], forgetMethod: false };
  if (change.name !== row.name) change.changed.push("name");
  if (!credentials) return change;
  if (row.type !== "oauth2") {
    change.secret = new Sensitive(credentials);
    change.changed.push("credentials");
    return change;
  }
  const given = readOAuth2Change(credentials);
  refuseUnused(row.options as unknown as OAuth2Options, given);
  mergeOAuth2(row, change, given);
  await requireSecretWhereUsed(row, change);
  return change;
}

/** Absent keeps, null clears or sets back to the default (VAL-3). */
function mergeOAuth2(row: ClientRow, change: Change, given: OAuth2Change): void {
  const { client_secret: clientSecret, ...keys } = given;
  const options: Record<string, unknown> = { ...row.options };
  for (const [key, value] of Object.entries(keys)) {
    if (value === undefined) continue;
    const next = value ?? (EDITABLE_DEFAULTS as Record<string, unknown>)[key];
    if (JSON.stringify(next) === JSON.stringify(options[key])) continue;
    change.changed.push(key);
    if (next === undefined) delete options[key];
    else options[key] = next;
  }
  change.options = options;
  change.forgetMethod = change.changed.includes("token_endpoint_auth_method");
  if (clientSecret === undefined) return;
  change.changed.push("client_secret");
  change.secret = sealedPart(clientSecret ? new Sensitive(clientSecret) : undefined);
}

/** Only a public client may be without a secret. */
async function requireSecretWhereUsed(row: ClientRow, change: Change): Promise<void> {
  if (row.options.client_id === "") return refuseClientProof(change);
  if (change.options.token_endpoint_auth_method === "none") return;
  const becomesPrivate = row.options.token_endpoint_auth_method === "none";
  const secret = change.secret ?? (becomesPrivate ? await openSealed(row) : undefined);
  if (change.secret === undefined && !becomesPrivate) return;
  if (secret?.use((clear) => Boolean(clear.client_secret))) return;
  throw new AppError(
    "invalid_attribute",
    "client_secret is needed, unless the client is public: then set token_endpoint_auth_method to none.",
    { source: { pointer: `${AT_CREDENTIALS}/client_secret` } },
  );
}

/** A client without an id has nothing to prove. */
function refuseClientProof(change: Change): void {
  const method = change.options.token_endpoint_auth_method;
  const wrong = change.secret?.use((clear) => Boolean(clear.client_secret))
    ? "client_secret"
    : method === "auto" || method === "none"
      ? null
      : "token_endpoint_auth_method";
  if (wrong)
    throw new AppError(
      "invalid_attribute",
      `This client has no client_id, so ${wrong} has no use. Create a new client.`,
      {
        source: { pointer: `${AT_CREDENTIALS}/${wrong}` },
      },
    );
}
