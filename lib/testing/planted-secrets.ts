import { generateKeyPairSync } from "node:crypto";
import type { z } from "zod";
import { SECRET_TYPE_NAMES, SECRET_TYPES, type SecretTypeName } from "@/lib/secret-types";
import type { Sentinels } from "./sentinels";

/**
 * Planted values for everything the types of secrets can hold, made from the registry's own schemas: a new type, or a new
 * member of one, is planted without anybody thinking of it, and a member that takes no text fails here until it is known.
 */

/** Members that are no secrets, with what the tests give them; undefined: left out. */
const OPEN: Partial<
  Record<SecretTypeName, { client?: Record<string, unknown>; credentials?: Record<string, unknown> }>
> = {
  oauth2: {
    // Destinations and ways, shown to who may see the client; the test says those it needs.
    client: {
      client_id: undefined,
      auth_uri: undefined,
      token_uri: undefined,
      refresh_token_uri: undefined,
      revocation_uri: undefined,
      issuer: undefined,
      grant_type: undefined,
      redirect_uri_per: undefined,
      provider: undefined,
      token_expires_in: undefined,
      token_endpoint_auth_method: undefined,
      pkce: undefined,
      scope_separator: undefined,
      authorize_params: undefined,
      token_params: undefined,
      refresh_params: undefined,
      resource: undefined,
      token_request_credentials: undefined,
      token_request_format: undefined,
      token_request_grant_type: undefined,
    },
    credentials: {
      expires_in: 3600,
      expires_at: undefined,
      token_type: "Bearer",
      scope: undefined,
      // Of clients that ask with them alone; the test plants these itself.
      username: undefined,
      password: undefined,
    },
  },
  rs256: { credentials: { bits: undefined, previous_keys: undefined } },
  mysql: { credentials: { host: "127.0.0.1", port: 1, database: "things", tls: "disable", ca: undefined } },
  postgresql: { credentials: { host: "127.0.0.1", port: 1, database: "things", tls: "disable", ca: undefined } },
};

export interface PlantedSecret {
  type: SecretTypeName;
  client: Record<string, unknown>;
  credentials: Record<string, unknown>;
  /** The names of the values in each. */
  inClient: string[];
  inCredentials: string[];
}

/** One client and one secret of every type, each member with a value of its own. */
export function plantSecrets(planted: Sentinels): PlantedSecret[] {
  return SECRET_TYPE_NAMES.map((type) => {
    const before = planted.names.length;
    const client = membersOf(planted, type, "client");
    const between = planted.names.length;
    const credentials = membersOf(planted, type, "credentials");
    const inClient = planted.names.slice(before, between);
    return { type, client, credentials, inClient, inCredentials: planted.names.slice(between) };
  });
}

function membersOf(planted: Sentinels, type: SecretTypeName, part: "client" | "credentials"): Record<string, unknown> {
  const schema: z.ZodType | null = SECRET_TYPES[type][part];
  if (schema === null) return {};
  const visible: readonly string[] = SECRET_TYPES[type].visible;
  const members: Record<string, unknown> = {};
  const whole = "shape" in schema ? (schema.shape as Record<string, Schema>) : {};
  for (const [member, one] of Object.entries(whole)) {
    const open = OPEN[type]?.[part] ?? {};
    if (Object.hasOwn(open, member)) {
      if (open[member] !== undefined) members[member] = open[member];
    } else if (part === "credentials" && visible.includes(member)) {
      // Shown to everybody who sees the secret.
    } else if (type === "rs256" && member === "private_key") {
      members[member] = planted.add("rs256 credentials private_key", newPem());
    } else members[member] = plant(planted, `${type} ${part} ${member}`, one);
  }
  // Types that take any member are given two more.
  if (schema.safeParse({ ...members, anything: "" }).success) {
    members.anything = planted.text(`${type} ${part} anything`);
    members.nested = { deep: [planted.token(`${type} ${part} nested`)] };
  }
  return members;
}

/** As it is stored, so that it is found in what was read. */
const newPem = () =>
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();

interface Schema {
  safeParse(value: unknown): { success: boolean };
}

/** A value of the first shape that the member takes. */
function plant(planted: Sentinels, name: string, schema: Schema): unknown {
  const takes = (sample: unknown) => schema.safeParse(sample).success;
  const text = 'Zq "0123456789abcdef01" <&> \\ ü 0123456789abcdef Qz';
  if (takes(text)) return planted.text(name);
  if (takes("Zq+0123/4567~Qz-0123456789abcdef0123456789")) return planted.token(name);
  if (takes("Zq-0123456789abcdef-Qz")) return planted.word(name);
  if (takes({ member: text })) return { member: planted.text(name) };
  if (takes('{"member":"value"}')) return JSON.stringify({ member: planted.token(name) });
  throw new Error(
    `Nothing is known of ${name}; say in OPEN of planted-secrets.ts that it is no secret, or teach plant.`,
  );
}
