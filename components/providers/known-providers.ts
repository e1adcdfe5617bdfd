/**
 * What people most often need to know about a provider while adding a secret: how to be given a refresh token, and scopes often used.
 * Facts from PROVIDERS.md and the providers' own pages; the full catalogue has its own place later. Hosts match themselves and below.
 */
export interface KnownProvider {
  name: string;
  hosts: readonly string[];
  /** What must be asked for to be given a refresh token; empty: it comes by itself. */
  refresh: { scopes?: readonly string[]; params?: Readonly<Record<string, string>> };
  scopes: readonly string[];
}

export const KNOWN_PROVIDERS: readonly KnownProvider[] = [
  {
    name: "Google",
    hosts: ["accounts.google.com"],
    refresh: { params: { access_type: "offline", prompt: "consent" } },
    scopes: ["openid", "email", "profile"],
  },
  {
    name: "Microsoft",
    hosts: ["login.microsoftonline.com", "login.live.com"],
    refresh: { scopes: ["offline_access"] },
    scopes: ["offline_access", "openid", "profile", "User.Read"],
  },
  {
    name: "Atlassian",
    hosts: ["auth.atlassian.com"],
    refresh: { scopes: ["offline_access"], params: { prompt: "consent" } },
    scopes: ["offline_access", "read:me", "read:jira-work"],
  },
  {
    name: "Xero",
    hosts: ["login.xero.com", "identity.xero.com"],
    refresh: { scopes: ["offline_access"] },
    scopes: ["offline_access", "accounting.transactions", "accounting.contacts"],
  },
  { name: "Dropbox", hosts: ["dropbox.com"], refresh: { params: { token_access_type: "offline" } }, scopes: [] },
  {
    name: "Zoho",
    hosts: ["accounts.zoho.com", "accounts.zoho.eu"],
    refresh: { params: { access_type: "offline", prompt: "consent" } },
    scopes: [],
  },
  {
    name: "Reddit",
    hosts: ["reddit.com"],
    refresh: { params: { duration: "permanent" } },
    scopes: ["identity", "read"],
  },
  {
    name: "X",
    hosts: ["x.com", "twitter.com"],
    refresh: { scopes: ["offline.access"] },
    scopes: ["offline.access", "tweet.read", "users.read"],
  },
  {
    name: "Typeform",
    hosts: ["api.typeform.com"],
    refresh: { scopes: ["offline"] },
    scopes: ["offline", "forms:read"],
  },
  { name: "HubSpot", hosts: ["hubspot.com"], refresh: {}, scopes: ["oauth", "crm.objects.contacts.read"] },
  {
    name: "Salesforce",
    hosts: ["salesforce.com"],
    refresh: { scopes: ["refresh_token"] },
    scopes: ["api", "refresh_token"],
  },
];

/** The provider a host belongs to, if known. */
export function knownProvider(host: string | null | undefined): KnownProvider | null {
  if (!host) return null;
  const bare = host.toLowerCase().replace(/:\d+$/u, "");
  return (
    KNOWN_PROVIDERS.find((provider) => provider.hosts.some((own) => bare === own || bare.endsWith(`.${own}`))) ?? null
  );
}
