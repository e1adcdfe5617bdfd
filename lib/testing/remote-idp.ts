import type { IdpClient } from "./fake-idp";
import type { Behaviour } from "./idp-behaviour";
import type { Grant, NewGrant, TokenAnswer } from "./idp-grants";

/** A fake provider that runs in another process. */
export interface RemoteIdp {
  url: string;
  create(grant: NewGrant): Promise<{ id: string; tokens: TokenAnswer }>;
  next(...behaviours: Behaviour[]): Promise<void>;
  always(behaviour: Behaviour | null): Promise<void>;
  setClient(client: IdpClient): Promise<void>;
  setGrace(ms: number): Promise<void>;
  /** Every grant with all its presentations. */
  truth(): Promise<Grant[]>;
}

export function remoteIdp(url: string): RemoteIdp {
  const ask = async <T>(call: string, ...args: unknown[]): Promise<T> => {
    const response = await fetch(`${url}/_control`, { method: "POST", body: JSON.stringify({ call, args }) });
    if (!response.ok) throw new Error(`The fake provider answered ${response.status} to ${call}.`);
    return ((await response.json()) as { result: T }).result;
  };
  return {
    url,
    create: (grant) => ask("create", grant),
    next: (...behaviours) => ask("next", ...behaviours),
    always: (behaviour) => ask("always", behaviour),
    setClient: (client) => ask("setClient", client),
    setGrace: (ms) => ask("setGrace", ms),
    truth: () => ask("truth"),
  };
}
