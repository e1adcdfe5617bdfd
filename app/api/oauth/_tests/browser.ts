import { GET as AUTHORIZE } from "@/app/api/oauth/authorize/[secretId]/route";
import { GET as CALLBACK } from "@/app/api/oauth/callback/[secretName]/route";
import { PATCH } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/route";
import { POST as CREATE } from "@/app/v2/workspaces/[workspaceId]/secrets/route";
import { makeSession } from "@/lib/testing/callers";
import { type Answer, call } from "@/lib/testing/http";
import type { OAuthWorld } from "@/lib/testing/oauth-world";

/** What a browser does in the redirect flow: it keeps cookies, follows the provider's redirect, nothing else. */
export class Browser {
  readonly #cookies = new Map<string, string>();

  constructor(session: Record<string, string> | null) {
    if (session?.cookie) this.#keep(session.cookie);
  }

  static async of(personId: string): Promise<Browser> {
    return new Browser(await makeSession(personId));
  }

  /** Another person at the same browser. */
  async signInAs(personId: string): Promise<void> {
    this.#keep((await makeSession(personId)).cookie as string);
  }

  /** The session's cookie, as another window of this browser would keep it. */
  get session(): string {
    return this.#cookies.get("latchkey.session") ?? "";
  }

  set session(value: string) {
    this.#cookies.set("latchkey.session", value);
  }

  forget(name: string): void {
    for (const key of [...this.#cookies.keys()]) if (key.startsWith(name)) this.#cookies.delete(key);
  }

  #keep(cookie: string): void {
    const at = cookie.indexOf("=");
    this.#cookies.set(cookie.slice(0, at), cookie.slice(at + 1).split(";")[0] as string);
  }

  get headers(): Record<string, string> {
    return { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
  }

  async #go(handler: Parameters<typeof call>[0], url: URL, params: Record<string, string>): Promise<Answer> {
    const answer = await call(handler, { url: url.href, params, headers: this.headers });
    for (const cookie of answer.headers.getSetCookie()) this.#keep(cookie);
    return answer;
  }

  authorize(secretId: string, query = ""): Promise<Answer> {
    return this.#go(AUTHORIZE, new URL(`http://latchkey.test/api/oauth/authorize/${secretId}${query}`), { secretId });
  }

  /** Opens the callback's URL as the provider sent it. */
  callback(url: string | URL): Promise<Answer> {
    const at = new URL(url);
    return this.#go(CALLBACK, at, { secretName: decodeURIComponent(at.pathname.split("/").pop() as string) });
  }

  /** Leaves for the provider and comes back with its redirect, which is not opened yet. */
  async toProvider(secretId: string): Promise<URL> {
    const away = await this.authorize(secretId);
    if (away.status !== 303) throw new Error(`${away.status} ${JSON.stringify(away.body)}`);
    const back = await fetch(away.headers.get("location") as string, { redirect: "manual" });
    const location = back.headers.get("location");
    if (!location) throw new Error(`The provider did not redirect: ${back.status}.`);
    return new URL(location);
  }
}

/** Where an answer leads, without our origin. */
export function leadsTo(answer: Answer): string {
  const location = new URL(answer.headers.get("location") as string);
  return location.pathname + location.search;
}

let count = 0;

/** An oauth2 secret nobody has authorized yet. */
export async function addUnauthorized(
  world: OAuthWorld,
  credentials: Record<string, unknown> = {},
  clientId = world.clientId,
): Promise<string> {
  const answer = await call(CREATE, {
    method: "POST",
    url: `/v2/workspaces/${world.place.workspaceId}/secrets`,
    params: { workspaceId: world.place.workspaceId },
    as: world.owner.basic,
    json: {
      data: {
        type: "auth-secret",
        attributes: { name: `To authorize ${++count}`, credentials: { scope: "read write", ...credentials } },
        relationships: { auth_client: { data: { id: clientId, type: "auth-client" } } },
      },
    },
  });
  if (answer.status !== 201) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body.data.id;
}

export function patchSecret(world: OAuthWorld, secretId: string, attributes: Record<string, unknown>): Promise<Answer> {
  return call(PATCH, {
    method: "PATCH",
    url: `/v2/workspaces/${world.place.workspaceId}/secrets/${secretId}`,
    params: { workspaceId: world.place.workspaceId, secretId },
    as: world.owner.basic,
    json: { data: { type: "auth-secret", attributes } },
  });
}
