import { apiKey } from "./api-key";
import { basic } from "./basic";
import { hs256 } from "./hs256";
import { httpHeaders } from "./http-headers";
import { mysql } from "./mysql";
import { noauth } from "./noauth";
import { oauth2 } from "./oauth2";
import { password } from "./password";
import { postgresql } from "./postgresql";
import { rs256 } from "./rs256";
import type { SecretType } from "./secret-type";

/** Every type Latchkey keeps. */
export const SECRET_TYPES = {
  oauth2,
  basic,
  password,
  api_key: apiKey,
  http_headers: httpHeaders,
  hs256,
  rs256,
  mysql,
  postgresql,
  noauth,
} as const satisfies Record<string, SecretType>;

export type SecretTypeName = keyof typeof SECRET_TYPES;

export const SECRET_TYPE_NAMES = Object.keys(SECRET_TYPES) as SecretTypeName[];

export function isSecretType(name: string): name is SecretTypeName {
  return Object.hasOwn(SECRET_TYPES, name);
}

/** The types of secrets that open endpoints. */
export const OPENING_TYPE_NAMES = SECRET_TYPE_NAMES.filter((name) => (SECRET_TYPES[name] as SecretType).opens);

/** The types that auth clients have; of the others everything is in the secret. */
export const CLIENT_TYPE_NAMES = SECRET_TYPE_NAMES.filter((name) => SECRET_TYPES[name].client !== null);
