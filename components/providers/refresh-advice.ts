import { knownProvider } from "./known-providers";

export interface Asked {
  scopes: readonly string[];
  params: readonly { key: string; value: string }[];
}

/** Whether a refresh token is to be expected, and what to add when it is not. Null: nothing useful to say. */
export interface RefreshAdvice {
  tone: "ok" | "warn" | "info";
  text: string;
  /** What would get one. */
  add: { label: string; scopes: string[]; params: Record<string, string> } | null;
}

/** Scopes and parameters that ask for a refresh token somewhere. */
const SCOPES = new Set(["offline_access", "offline.access", "offline", "refresh_token"]);
const PARAMS: Readonly<Record<string, string>> = {
  access_type: "offline",
  token_access_type: "offline",
  duration: "permanent",
};

/** Without a provider that is known: what most of them want. */
export const USUAL_CURE = { scopes: ["offline_access"], params: { prompt: "consent" } } as const;

function words(scopes: readonly string[], params: Readonly<Record<string, string>>): string {
  const parts = [...scopes, ...Object.entries(params).map(([key, value]) => `${key}=${value}`)];
  return parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : (parts[0] ?? "");
}

/** Advice for one form. `openId`: the client has an issuer, or `openid` is asked for. */
export function refreshAdvice(host: string | null | undefined, asked: Asked, openId: boolean): RefreshAdvice | null {
  const provider = knownProvider(host);
  const has = (key: string) => asked.params.find((pair) => pair.key === key)?.value;
  if (provider) {
    const scopes = (provider.refresh.scopes ?? []).filter((scope) => !asked.scopes.includes(scope));
    const params = Object.fromEntries(
      Object.entries(provider.refresh.params ?? {}).filter(([key, value]) => has(key) !== value),
    );
    const wanted = words(provider.refresh.scopes ?? [], provider.refresh.params ?? {});
    if (scopes.length === 0 && Object.keys(params).length === 0)
      return wanted === ""
        ? null
        : {
            tone: "ok",
            text: `With ${wanted}, ${provider.name} sends a refresh token, so Latchkey can renew by itself.`,
            add: null,
          };
    const missing = words(scopes, params);
    return {
      tone: "warn",
      text: `${provider.name} sends a refresh token only with ${wanted}. Without one, a person must authorize again each time the access token expires.`,
      add: { label: `Add ${missing}`, scopes, params },
    };
  }
  const offline = asked.scopes.some((scope) => SCOPES.has(scope));
  if (offline || Object.entries(PARAMS).some(([key, value]) => has(key) === value)) {
    // Several OpenID providers ignore offline_access unless the person is asked for consent anew.
    if (offline && openId && has("prompt") === undefined)
      return {
        tone: "info",
        text: "Some OpenID providers honour offline_access only together with prompt=consent.",
        add: { label: "Add prompt=consent", scopes: [], params: { prompt: "consent" } },
      };
    return { tone: "ok", text: "This asks for a refresh token, so that Latchkey can renew by itself.", add: null };
  }
  if (openId)
    return {
      tone: "warn",
      text: "Nothing here asks for a refresh token. Without one, a person must authorize again each time the access token expires.",
      add: {
        label: "Add offline_access and prompt=consent",
        scopes: ["offline_access"],
        params: { prompt: "consent" },
      },
    };
  return {
    tone: "info",
    text: "Many providers send a refresh token only when asked: by the scope offline_access, or by access_type=offline and prompt=consent.",
    add: { label: "Add offline_access", scopes: ["offline_access"], params: {} },
  };
}
