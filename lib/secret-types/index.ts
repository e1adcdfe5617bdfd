import { apiKey } from "./api-key";
import { basic } from "./basic";
import { noauth } from "./noauth";
import { oauth2 } from "./oauth2";
import type { SecretType } from "./secret-type";

/** Every type Latchkey keeps. */
export const SECRET_TYPES = { oauth2, basic, api_key: apiKey, noauth } as const satisfies Record<string, SecretType>;

export type SecretTypeName = keyof typeof SECRET_TYPES;

export const SECRET_TYPE_NAMES = Object.keys(SECRET_TYPES) as SecretTypeName[];

export function isSecretType(name: string): name is SecretTypeName {
  return Object.hasOwn(SECRET_TYPES, name);
}
