import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { answerOddly, type Behaviour, takesEffect } from "./idp-behaviour";
import { IdpGrants, type IdpKind, type NewGrant, type Presentation, type TokenAnswer } from "./idp-grants";

/** A request the token endpoint received. */
export interface TokenCall {
  at: number;
  grantType: string;
  path: string;
  query: string;
  form: Record<string, string>;
  headers: Record<string, string>;
  /** How the client showed who it is. */
  auth: "client_secret_basic" | "client_secret_post" | "none";
  status: number | null;
}

export interface IdpClient {
  id: string;
  secret: string | null;
  /** Ways it accepts; all by default. */
  methods?: TokenCall["auth"][];
}

interface Code {
  grant: NewGrant;
  redirectUri: string;
  challenge: string | null;
  redeemed: number;
  clientId: string;
}

const OPERATIONS = ["create", "next", "always", "reset", "setClient", "setGrace", "truth"] as const;

/**
 * A programmable OAuth provider over node:http: authorization endpoint (redirects back at once with a code), token endpoint
 * of several kinds with scripted faults, revocation endpoint, metadata. It keeps the ground truth of every grant. Usable from
 * other processes through `POST /_control` (`remoteIdp` in ./remote-idp).
 */
export class FakeIdp {
  readonly grants = new IdpGrants();
  readonly clients = new Map<string, IdpClient>();
  /** Every token request, oldest first. */
  readonly calls: TokenCall[] = [];
  /** Every authorization request's parameters, oldest first. */
  readonly authorizations: URLSearchParams[] = [];
  readonly revocations: { token: string; hint: string | null; known: boolean }[] = [];
  /** Codes by value, with how often each was redeemed. */
  readonly codes = new Map<string, Code>();
  /** Requests anywhere but the known endpoints: where redirects would lead. */
  readonly strays: string[] = [];
  /** What authorization grants: kind, lifetime, offline. */
  consent: NewGrant = {};
  /** Replaces the answer of the authorization endpoint: an error, or extra parameters. */
  authorization: { parameters?: Record<string, string>; issuer?: string | null } = {};
  /** The other ends of the connections that are open. */
  readonly ports = new Set<number>();
  /** Who may sign in with a user name and password, and how. */
  readonly users = new Map([["machine", "machine-password"]]);
  /** Takes whatever `grant_type` says for a request of the client itself. */
  anyGrant = false;
  /** Answers wait for it after they took effect. */
  hold: Promise<void> | null = null;
  /** So many token requests in any second of its clock; the rest get 429 with Retry-After 1. */
  limit: number | null = null;
  /** Every token request under a limit: the second it fell into, and whether it was too much. */
  readonly limited: { second: number; over: boolean; token: string }[] = [];
  /** Token requests under way, unanswered. */
  open = 0;
  url = "";
  #queue: Behaviour[] = [];
  #always: Behaviour | null = null;
  #server: Server;

  constructor() {
    this.clients.set("client", { id: "client", secret: "client-secret-value" });
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error) => {
        response.destroy(error instanceof Error ? error : undefined);
      });
    });
    this.#server.on("connection", (socket: Socket) => {
      const port = socket.remotePort ?? 0;
      this.ports.add(port);
      socket.once("close", () => this.ports.delete(port));
    });
  }

  get issuer(): string {
    return this.url;
  }

  /** Listens on 127.0.0.1. */
  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The next token requests behave so, one each, before `always` counts. */
  next(...behaviours: Behaviour[]): void {
    this.#queue.push(...behaviours);
  }

  /** Every token request behaves so until told otherwise. */
  always(behaviour: Behaviour | null): void {
    this.#always = behaviour;
  }

  /** Forgets scripts and calls; grants stay. */
  reset(): void {
    this.#queue = [];
    this.#always = null;
    this.calls.length = 0;
    this.authorizations.length = 0;
    this.revocations.length = 0;
    this.strays.length = 0;
    this.consent = {};
    this.anyGrant = false;
    this.authorization = {};
    this.hold = null;
    this.limit = null;
    this.limited.length = 0;
    this.grants.graceMs = 30_000;
    this.clients.clear();
    this.clients.set("client", { id: "client", secret: "client-secret-value" });
  }

  /** The secret of the client that is there from the beginning. */
  setClientSecret(secret: string): void {
    this.clients.set("client", { id: "client", secret });
  }

  /** A grant with tokens, as if a person had consented. */
  create(given: NewGrant = {}): { id: string; tokens: TokenAnswer } {
    const { grant, tokens } = this.grants.create(given);
    return { id: grant.id, tokens };
  }

  /** What the provider knows of a grant, by its id or any of its tokens. */
  grant(idOrToken: string) {
    const grant = this.grants.grants.get(idOrToken) ?? this.grants.grants.get(idOrToken.split(".")[1] ?? "");
    if (!grant) throw new Error("The fake provider knows no such grant.");
    return grant;
  }

  /** Calls with this `grant_type`. */
  callsOf(grantType: string): TokenCall[] {
    return this.calls.filter((call) => call.grantType === grantType);
  }

  /** Calls with `grant_type=refresh_token`. */
  refreshCalls(): TokenCall[] {
    return this.callsOf("refresh_token");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const body = await read(request);
    switch (`${request.method} ${url.pathname}`) {
      case "GET /authorize":
        return this.#authorize(url, response);
      case "POST /token":
      case "POST /refresh":
        return this.#token(request, url, body, response);
      case "POST /revoke":
        return this.#revoke(body, response);
      case "GET /.well-known/openid-configuration":
        return json(response, 200, this.metadata());
      case "GET /api":
        return this.#api(request, response);
      case "POST /_control":
        return this.#control(body, response);
      default:
        this.strays.push(`${request.method} ${url.pathname}`);
        return json(response, 404, { error: "not_found" });
    }
  }

  metadata(): Record<string, unknown> {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      revocation_endpoint: `${this.url}/revoke`,
      response_types_supported: ["code"],
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
      authorization_response_iss_parameter_supported: true,
    };
  }

  #authorize(url: URL, response: ServerResponse): void {
    const asked = url.searchParams;
    this.authorizations.push(asked);
    const back = new URL(asked.get("redirect_uri") ?? "");
    const state = asked.get("state");
    if (state !== null) back.searchParams.set("state", state);
    const { parameters, issuer } = this.authorization;
    if (issuer !== null) back.searchParams.set("iss", issuer ?? this.issuer);
    if (parameters === undefined) {
      const code = `code.${randomBytes(12).toString("hex")}`;
      this.codes.set(code, {
        grant: { ...this.consent, scope: this.consent.scope ?? asked.get("scope") ?? undefined },
        redirectUri: asked.get("redirect_uri") ?? "",
        challenge: asked.get("code_challenge_method") === "S256" ? asked.get("code_challenge") : null,
        redeemed: 0,
        clientId: asked.get("client_id") ?? "",
      });
      back.searchParams.set("code", code);
    } else for (const [name, value] of Object.entries(parameters)) back.searchParams.set(name, value);
    response.writeHead(302, { location: back.href }).end();
  }

  async #token(request: IncomingMessage, url: URL, body: string, response: ServerResponse): Promise<void> {
    const form = isJson(request) ? (JSON.parse(body) as Record<string, string>) : formOf(body);
    const given = clientOf(request, form);
    const call: TokenCall = {
      at: Date.now(),
      grantType: form.grant_type ?? "",
      path: url.pathname,
      query: url.search,
      form,
      headers: request.headers as Record<string, string>,
      auth: given.method,
      status: null,
    };
    this.calls.push(call);
    const behaviour = this.#queue.shift() ?? this.#always ?? {};
    const presentation =
      form.grant_type === "refresh_token"
        ? this.grants.present(form.refresh_token ?? "", request.socket.remotePort)
        : null;
    this.open += 1;
    response.once("close", () => {
      this.open -= 1;
    });
    const settle = (answered: boolean) => {
      if (presentation) presentation.answered = answered;
      call.status = answered ? response.statusCode : null;
    };
    if (this.#isTooMuch(form.refresh_token ?? "")) {
      json(response, 429, { error: "slow_down" }, { "retry-after": "1" });
      return settle(true);
    }
    const gone = behaviour.onlyIfAwaited && new Promise((resolve) => response.once("close", resolve));
    if (behaviour.delayMs) await Promise.race([wait(behaviour.delayMs), ...(gone ? [gone] : [])]);
    if (gone && response.destroyed) return settle(false);
    const nameless = given.id === "" && form.username !== undefined;
    const refusal = nameless ? null : this.#judgeClient(given);
    if (refusal && !behaviour.error && !behaviour.instead) {
      json(response, 401, { error: "invalid_client", error_description: refusal });
      return settle(true);
    }
    const outcome = takesEffect(behaviour) ? this.#effect(form, presentation) : { error: "temporarily_unavailable" };
    if (behaviour.holdMs) await wait(behaviour.holdMs);
    if (this.hold) await this.hold;
    if (behaviour.instead) {
      const good = "tokens" in outcome ? { ...outcome.tokens } : { error: outcome.error };
      return settle(await answerOddly(response, behaviour.instead, changed(good, behaviour.change)));
    }
    if (behaviour.error) {
      const { status = 400, code, description, headers, body: raw } = behaviour.error;
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(raw ?? JSON.stringify({ ...(code ? { error: code } : {}), error_description: description }));
      return settle(true);
    }
    if ("error" in outcome) json(response, 400, { error: outcome.error, error_description: "No." });
    else json(response, 200, changed({ ...outcome.tokens }, behaviour.change), behaviour.headers);
    settle(!response.destroyed);
  }

  #effect(
    form: Record<string, string>,
    presentation: Presentation | null,
  ): { tokens: TokenAnswer } | { error: string } {
    if (presentation) {
      const tokens = this.grants.redeem(presentation);
      return tokens ? { tokens } : { error: "invalid_grant" };
    }
    if (form.username !== undefined && this.users.get(form.username) !== form.password)
      return { error: "invalid_grant" };
    if (form.grant_type === "client_credentials" || form.username !== undefined || this.anyGrant)
      return { tokens: this.grants.create({ ...this.consent, scope: form.scope, offline: false }).tokens };
    if (form.grant_type !== "authorization_code") return { error: "unsupported_grant_type" };
    const code = this.codes.get(form.code ?? "");
    if (!code) return { error: "invalid_grant" };
    code.redeemed += 1;
    const challenge = form.code_verifier ? createHash("sha256").update(form.code_verifier).digest("base64url") : null;
    if (code.redeemed > 1 || code.redirectUri !== form.redirect_uri || code.challenge !== challenge)
      return { error: "invalid_grant" };
    return { tokens: this.grants.create({ ...code.grant, clientId: code.clientId }).tokens };
  }

  #isTooMuch(token: string): boolean {
    if (this.limit === null) return false;
    const second = Math.floor(Date.now() / 1000);
    let n = 0;
    for (let i = this.limited.length - 1; this.limited[i]?.second === second; i--) n += 1;
    const over = n >= this.limit;
    this.limited.push({ second, over, token });
    return over;
  }

  #judgeClient(given: ReturnType<typeof clientOf>): string | null {
    const client = this.clients.get(given.id);
    if (!client) return "This client is not known.";
    if (client.methods && !client.methods.includes(given.method)) return `The method ${given.method} is not accepted.`;
    if (client.secret !== given.secret) return "The secret is wrong.";
    return null;
  }

  #revoke(body: string, response: ServerResponse): void {
    const form = new URLSearchParams(body);
    const token = form.get("token") ?? "";
    this.revocations.push({ token, hint: form.get("token_type_hint"), known: this.grants.revoke(token) });
    response.writeHead(200).end();
  }

  /** A protected resource: says whether the provider takes the access token. */
  #api(request: IncomingMessage, response: ServerResponse): void {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const taken = this.grants.acceptsAccess(token);
    json(response, taken ? 200 : 401, { expired_for_ms: this.grants.expiredForMs(token) });
  }

  /** The same object for another process: `{call, args}`. */
  #control(body: string, response: ServerResponse): void {
    const { call, args = [] } = JSON.parse(body) as { call: (typeof OPERATIONS)[number]; args?: unknown[] };
    const operations: Record<(typeof OPERATIONS)[number], () => unknown> = {
      create: () => this.create(args[0] as NewGrant),
      next: () => this.next(...(args as Behaviour[])),
      always: () => this.always(args[0] as Behaviour | null),
      reset: () => this.reset(),
      setClient: () => this.clients.set((args[0] as IdpClient).id, args[0] as IdpClient),
      setGrace: () => {
        this.grants.graceMs = args[0] as number;
      },
      truth: () => [...this.grants.grants.values()],
    };
    json(response, 200, { result: operations[call]() ?? null });
  }
}

export type { Behaviour, IdpKind, NewGrant };

function clientOf(request: IncomingMessage, form: Record<string, string>) {
  const header = request.headers.authorization;
  if (header?.startsWith("Basic ")) {
    const [id = "", secret = ""] = Buffer.from(header.slice(6), "base64").toString("utf8").split(":");
    return {
      method: "client_secret_basic" as const,
      id: decodeURIComponent(id),
      secret: decodeURIComponent(secret) as string | null,
    };
  }
  const method = form.client_secret === undefined ? ("none" as const) : ("client_secret_post" as const);
  return { method, id: form.client_id ?? "", secret: form.client_secret ?? null };
}

const isJson = (request: IncomingMessage) => request.headers["content-type"] === "application/json";
const formOf = (body: string) => Object.fromEntries(new URLSearchParams(body));

function changed(good: Record<string, unknown>, change: Record<string, unknown> | undefined) {
  return Object.fromEntries(Object.entries({ ...good, ...change }).filter(([, value]) => value !== null));
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
