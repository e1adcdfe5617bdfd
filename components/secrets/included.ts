import type { AuthSecret, User } from "@/lib/sdk/resources";

interface Answer {
  included: { id: string; type: string; attributes: Record<string, unknown> }[];
}

export interface ClientSummary {
  id: string;
  name: string;
  host: string | null;
}

const text = (value: unknown) => (typeof value === "string" ? value : "");

/** The client of a secret as it came along with the answers; null when the secret has none or it is not visible. */
export function clientOf(secret: AuthSecret, answers: readonly Answer[]): ClientSummary | null {
  const id = secret.relationships?.auth_client?.data?.id;
  if (!id) return null;
  for (const answer of answers)
    for (const item of answer.included)
      if (item.type === "auth-client" && item.id === id)
        return { id, name: text(item.attributes.name), host: text(item.attributes.host) || null };
  return null;
}

/** The name of the person who added a secret; the reader without a name is known by email. Null when not told. */
export function addedBy(secret: AuthSecret, answers: readonly Answer[], me: User | null): string | null {
  const id = secret.relationships?.user?.data?.id;
  if (!id) return null;
  for (const answer of answers)
    for (const item of answer.included)
      if (item.type === "user" && item.id === id)
        return (
          `${text(item.attributes.first_name)} ${text(item.attributes.last_name)}`.trim() ||
          text(item.attributes.email) ||
          (id === me?.id ? me.attributes.email : null)
        );
  return null;
}
