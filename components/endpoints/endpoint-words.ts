import type { Endpoint, EndpointCheck } from "@/lib/sdk/resources";
import { isSecretType, SECRET_TYPES } from "@/lib/secret-types";

/** Who may pass, in a few words. */
export function openedWords({ open_access, opened_by }: Endpoint["attributes"]): string {
  if (open_access) return "Everybody";
  const there = opened_by.flatMap(({ name }) => (name === null ? [] : [name]));
  if (there.length === 0) return "Nobody";
  return there.length <= 2 ? there.join(", ") : `${there.slice(0, 2).join(", ")} and ${there.length - 2} more`;
}

export function typeWords(type: string | null): string {
  return type !== null && isSecretType(type) ? SECRET_TYPES[type].label : "Deleted";
}

/** What became of a check, in a sentence. */
export function checkWords({ outcome, reason, secret }: EndpointCheck["attributes"]): string {
  if (reason !== null) return reason;
  return outcome === "opened" && secret ? `Let through by ${secret.name ?? "a secret"}.` : "";
}
