import { Agent, request as open } from "node:http";
import { withoutFinalSlashes } from "@/lib/http/request-path";
import { newId } from "@/lib/ids";
import { makePerson, makePlace, makeSession, makeTask, OWNER, type Person, type Place } from "@/lib/testing/callers";
import type { Route } from "@/lib/testing/routes";
import { Random } from "@/lib/testing/simulation/random";
import { badlySent, type SentBody, wellSent } from "./bodies";
import { type Seen, wrongWith } from "./judge";
import { disturbed, fitting, holdsUnstorable, oddValue } from "./values";

/**
 * One client that asks everything, with its own tenant and its own seed: what it asks follows from the seed and from what it was
 * answered, never from other lanes. What it makes it uses, deletes, and uses again.
 */

export interface Finding {
  what: string;
  /** Everything of the request, to be read by a person. */
  asked: string;
  answered: string;
}

export interface Tally {
  requests: number;
  findings: Finding[];
  /** By route: how many were answered in each hundred. */
  classes: Map<string, Record<number, number>>;
}

type Defined = Route & { definition: NonNullable<Route["definition"]> };

interface Asked {
  method: string;
  path: string;
  headers: Record<string, string | string[]>;
  body: Buffer | null;
  /** Why success would be wrong; null: it may succeed. */
  wrong: string | null;
}

const ODD_HEADERS: Record<string, string[]> = {
  accept: ["text/html", "*/*", "application/vnd.api+json", "", "application/json;q=0", "x".repeat(3000)],
  "accept-encoding": ["gzip", "x", "br;q=1e9"],
  authorization: [
    "Basic",
    "Basic !!!!",
    "Basic Og==",
    "Bearer x",
    `Basic ${"A".repeat(9000)}`,
    "Basic dGFzay06",
    "\u00e9\u00ff",
  ],
  cookie: ["a=b", "=;=;", `${"c=1;".repeat(900)}`, "next-auth.session-token=x.y.z", "__Host-latchkey=%00"],
  origin: ["null", "https://evil.example", "http://latchkey.test", "x"],
  "x-forwarded-for": ["1.1.1.1", ", , ,", "::ffff:1.2.3.4", "x".repeat(2000), "unknown"],
  "x-forwarded-host": ["evil.example"],
  "x-request-id": ["", "x".repeat(5000), "a\tb", "\u00ff\u00fe"],
  "x-http-method-override": ["DELETE"],
  traceparent: ["00-0-0-0", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, "x"],
  "if-none-match": ["*"],
  range: ["bytes=0-1"],
  "content-encoding": ["gzip"],
  "user-agent": ["", "x".repeat(6000), "\u00ff"],
  te: ["trailers"],
  prefer: ["return=minimal"],
  "sec-fetch-site": ["cross-site", "same-origin", "none"],
};

/** Their hashing is slow on purpose, and after a few wrong tries they are throttled anyway. */
const SLOW = /\/(password|reauthenticate)$/;

export class Lane {
  readonly #random: Random;
  readonly #routes: readonly Defined[];
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  /** By the folder they are found in: `secrets`, `auth-clients`, … */
  readonly #pool = new Map<string, string[]>();
  readonly #gone = new Set<string>();
  readonly tally: Tally = { requests: 0, findings: [], classes: new Map() };
  #place!: Place;
  #person!: Person;
  #auth: Record<string, string>[] = [];

  constructor(seed: number, routes: readonly Defined[], port: number) {
    this.#random = new Random(seed);
    this.#routes = routes;
    this.#port = port;
  }

  async begin(): Promise<void> {
    this.#place = await makePlace();
    this.#keep("tenants", this.#place.tenantId);
    this.#keep("contracts", this.#place.contractId);
    this.#keep("workspaces", this.#place.workspaceId);
    this.#keep("tenants", (await makePlace()).tenantId);
    await this.#newPerson();
    await this.#stock();
  }

  /** An auth client, a secret of it that has tokens, and an endpoint, because chance seldom makes all fit. */
  async #stock(): Promise<void> {
    const { workspaceId } = this.#place;
    const post = async (path: string, type: string, attributes: unknown, relationships: unknown) => {
      const json = { data: { type, attributes, relationships } };
      const headers = { ...this.#person.basic, "content-type": "application/json" };
      const asked = { method: "POST", path, headers, body: Buffer.from(JSON.stringify(json)), wrong: null };
      const { status, text } = await this.#send(asked);
      if (status !== 201) throw new Error(`The fuzz could not make its ${type}: ${status} ${text}`);
      const made = (JSON.parse(text) as { data: { id: string } }).data.id;
      this.#keep(path.split("/").at(-1) as string, made);
      return made;
    };
    const token = `t${this.#random.between(0, 1e9)}`;
    const name = `stock ${token}`;
    const uri = "https://127.0.0.1:1/x";
    const credentials = { client_id: "c", client_secret: token, auth_uri: uri, token_uri: uri };
    const client = { type: "oauth2", name, credentials };
    const clientId = await post("/v2/auth-clients", "auth-client", client, {
      workspace: { data: { id: workspaceId, type: "workspace" } },
    });
    const secret = {
      name,
      allowed_hosts: ["127.0.0.1:1"],
      credentials: { access_token: token, refresh_token: token, expires_in: 86_400 },
    };
    await post(`/v2/workspaces/${workspaceId}/secrets`, "auth-secret", secret, {
      auth_client: { data: { id: clientId, type: "auth-client" } },
    });
    await post(`/v2/workspaces/${workspaceId}/endpoints`, "endpoint", { name, scopes: ["a"] }, {});
  }

  /** @param count how many requests */
  async run(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const random = this.#random;
      if (i % 400 === 399) await this.#stock();
      let route = random.pick(random.chance(0.3) ? this.#unreached() : this.#routes);
      if (SLOW.test(route.path) && random.chance(0.95)) route = random.pick(this.#routes);
      await this.#ask(route);
    }
    this.#agent.destroy();
  }

  /** Those that were never answered well here: asked more often, or among so many some never would be. */
  #unreached(): readonly Defined[] {
    const left = this.#routes.filter(({ definition }) => !this.tally.classes.get(definition.route)?.[2]);
    return left.length > 0 ? left : this.#routes;
  }

  async #newPerson(): Promise<void> {
    this.#person = await makePerson(this.#place, { ...OWNER, operator: this.#random.chance(0.5) });
    this.#auth = [
      this.#person.basic,
      this.#person.basic,
      this.#person.basic,
      await makeSession(this.#person.id),
      (await makeTask(this.#place)).basic,
    ];
    this.#keep("users", this.#person.id);
  }

  #keep(folder: string, id: string): void {
    const ids = this.#pool.get(folder) ?? [];
    ids.push(id);
    if (ids.length > 40) ids.splice(3, 1);
    this.#pool.set(folder, ids);
  }

  /** An id for a position under this folder; `wrong` when nothing can be there. */
  #id(folder: string): { id: string; wrong: boolean } {
    const random = this.#random;
    const known = this.#pool.get(folder) ?? [];
    if (random.chance(0.8) && known.length > 0) {
      // The newest most often: a chain of making, using and deleting one thing.
      const id = random.chance(0.4) ? (known.at(-1) as string) : random.pick(known);
      return { id, wrong: this.#gone.has(id) };
    }
    const other = [...this.#pool.values()].flat();
    if (random.chance(0.3)) return { id: random.pick(other), wrong: false };
    const id = random.pick([
      newId(),
      "x",
      "0",
      "000000000000000000000000",
      "'; drop table x; --",
      "%00",
      "../../etc/passwd",
      "a".repeat(3000),
      "__proto__",
      "constructor",
      "\u{1f600}",
      " ",
      "null",
      "undefined",
      "me",
      "1e9",
      "-1",
      "\ufffd",
      "a/b",
      "a?b#c",
      "٣",
      "[object Object]",
    ]);
    return { id, wrong: false };
  }

  /** Identifiers of relationships become ids of what there is. */
  #placeIds(value: unknown): boolean {
    let wrong = false;
    const walk = (at: unknown) => {
      if (typeof at !== "object" || at === null) return;
      const one = at as Record<string, unknown>;
      if (typeof one.id === "string" && typeof one.type === "string" && one.attributes === undefined) {
        const chosen = this.#id(`${one.type}s`.replace("auth-secrets", "secrets"));
        one.id = chosen.id;
        wrong ||= chosen.wrong;
      }
      for (const member of Object.values(one)) walk(member);
    };
    walk(value);
    return wrong;
  }

  #make(route: Defined): Asked {
    const random = this.#random;
    const { definition } = route;
    let wrong: string | null = null;
    let owns = "";
    const path = route.path.replace(/\[(?:\.\.\.)?([^\]]+)\]/g, (_whole, _name: string, at: number) => {
      const folder = route.path.slice(0, at).split("/").at(-2) ?? "";
      const chosen = this.#id(folder);
      if (chosen.wrong) wrong = `${chosen.id} was deleted`;
      owns = chosen.id;
      return encodeURIComponent(chosen.id);
    });
    const query = this.#query(definition.query);
    if (query.unknown && definition.access.permission !== "public") wrong ??= "an unknown parameter";

    const headers: Record<string, string | string[]> = {};
    if (definition.access.permission !== "public") {
      if (random.chance(0.93)) Object.assign(headers, random.pick(this.#auth));
      else wrong ??= "nobody asks";
    } else headers.origin = "http://latchkey.test";

    let body: SentBody | null = null;
    const mutating = route.method !== "GET" && route.method !== "HEAD";
    if (definition.body) {
      const value = fitting(definition.body, random);
      const data = (value as { data?: { id?: unknown } } | null)?.data;
      if (typeof data?.id === "string") data.id = owns;
      const placed = this.#placeIds(value);
      const how = random.next();
      if (how < 0.45) {
        body = wellSent(value, random);
        if (placed) wrong ??= "it names what was deleted";
      } else if (how < 0.75) {
        const other = random.chance(0.1) ? oddValue(random) : disturbed(value, random);
        body = wellSent(other, random);
        if (holdsUnstorable(other)) wrong ??= "its text cannot be stored";
        if (!definition.body.safeParse(other).success) wrong ??= "its schema refuses the body";
      } else {
        body = badlySent(value, random);
        if (body.wrong) wrong ??= "the body is no JSON of ours";
      }
    } else if (mutating && random.chance(0.3)) {
      body = random.chance(0.5) ? wellSent(oddValue(random), random) : badlySent({}, random);
    }
    // Said outright, because Node's client says nothing with some methods, and the body would be read as the next request.
    if (body) headers["content-length"] = String(body.bytes.byteLength);
    if (body?.contentType != null) headers["content-type"] = body.contentType;
    if (random.chance(0.15)) {
      const name = random.pick(Object.keys(ODD_HEADERS));
      headers[name] = random.pick(ODD_HEADERS[name] as string[]);
      if (random.chance(0.2)) headers[name] = [headers[name] as string, "twice"];
    }
    let method = route.method;
    if (random.chance(0.04)) {
      method = random.pick(["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "PROPFIND", "TRACE"]);
      if (method !== route.method) wrong = null; // Another endpoint, or none.
    }
    const tail = random.chance(0.03) ? random.pick(["/", "//", "/x", "/%2e%2e", "%ff", "/./", ";a=b", "%"]) : "";
    if (tail) wrong = null;
    return { method, path: `${path}${tail}${query.text}`, headers, body: body?.bytes ?? null, wrong };
  }

  #query(known: readonly string[] | "any" | undefined): { text: string; unknown: boolean } {
    const random = this.#random;
    const names = known === "any" ? ["state", "code", "error", "iss"] : [...(known ?? [])];
    const parts: string[] = [];
    let unknown = false;
    for (const name of random.chance(0.4) ? [] : names) {
      if (random.chance(0.6)) continue;
      const times = random.chance(0.05) ? 2 : 1;
      for (let i = 0; i < times; i++)
        parts.push(`${encodeURIComponent(name)}=${encodeURIComponent(this.#queryValue(name))}`);
    }
    if (random.chance(0.05)) {
      unknown = known !== "any";
      parts.push(random.pick(["x=1", "__proto__=1", "page[siz]=1", "=", "a[b][c]=d", "%5B%5D=1"]));
    } else if (random.chance(0.02)) parts.push(random.pick(["&&", "#frag"]));
    return { text: parts.length > 0 ? `?${parts.join("&")}` : "", unknown };
  }

  #queryValue(name: string): string {
    const random = this.#random;
    if (random.chance(0.2))
      return random.pick([
        "",
        "-1",
        "1e99",
        "NaN",
        "'",
        "\u{1f600}",
        "%",
        "a,b",
        "x".repeat(2000),
        "0",
        "999999999",
        "1.5",
        " 1",
      ]);
    if (name.startsWith("page[")) return String(random.skewed(1, 100));
    const folder = /^(workspace|contract|tenant)_id$/.exec(name)?.[1] ?? /^filter\[(.+)\]$/.exec(name)?.[1] ?? name;
    const known = this.#pool.get(`${folder.replace("_", "-")}s`);
    if (known && known.length > 0) return random.pick(known);
    return random.pick([
      "public",
      "private",
      "all",
      "10",
      "0",
      "name",
      "-name",
      "me",
      "members",
      new Date(0).toISOString(),
    ]);
  }

  async #ask(route: Defined): Promise<void> {
    const asked = this.#make(route);
    const seen = await this.#send(asked);
    this.tally.requests += 1;
    const bare = withoutFinalSlashes(asked.path.split("?", 1)[0] as string);
    const classes = this.tally.classes.get(route.definition.route) ?? {};
    classes[Math.floor(seen.status / 100)] = (classes[Math.floor(seen.status / 100)] ?? 0) + 1;
    this.tally.classes.set(route.definition.route, classes);
    const fault =
      wrongWith(asked.method, bare, seen) ??
      (asked.wrong !== null && seen.status < 300 ? `success, though ${asked.wrong}` : null);
    if (fault !== null)
      this.tally.findings.push({
        what: `${route.definition.route}: ${fault}`,
        asked: `${asked.method} ${asked.path.slice(0, 500)} ${JSON.stringify(asked.headers).slice(0, 600)} ${asked.body?.toString().slice(0, 1500) ?? ""}`,
        answered: `${seen.status} ${seen.text.slice(0, 500)}`,
      });
    await this.#learn(route, asked, seen);
  }

  async #learn(route: Defined, asked: Asked, seen: Seen): Promise<void> {
    if (seen.status === 401 && asked.wrong === null && asked.headers.authorization === this.#person.basic.authorization)
      await this.#newPerson();
    if (seen.status >= 300 || asked.method !== route.method) return;
    const parts = (asked.path.split("?", 1)[0] as string).split("/").filter(Boolean);
    if (asked.method === "DELETE" && route.path.endsWith("]")) {
      const id = decodeURIComponent(parts.at(-1) ?? "");
      this.#gone.add(id);
      // Signing out is what takes the lane's own session or key from it.
      if (/(sessions|api-keys)/.test(route.path)) await this.#newPerson();
    }
    if (asked.method === "DELETE" || !seen.text.startsWith("{")) return;
    const { data } = JSON.parse(seen.text) as { data?: { id?: unknown } | { id?: unknown }[] };
    // What was made, and the newest of what a list shows.
    const made = Array.isArray(data) ? data[0] : asked.method === "POST" ? data : undefined;
    if (typeof made?.id === "string" && !this.#gone.has(made.id)) this.#keep(parts.at(-1) ?? "", made.id);
  }

  #send(asked: Asked): Promise<Seen> {
    return new Promise((resolve, reject) => {
      const sent = open(
        {
          port: this.#port,
          host: "127.0.0.1",
          agent: this.#agent,
          method: asked.method,
          path: asked.path.split("#", 1)[0],
          headers: asked.headers,
        },
        (response) => {
          const contentType = response.headers["content-type"] ?? "";
          if (contentType.startsWith("text/event-stream")) {
            response.on("error", () => undefined); // Ended by us, below.
            sent.destroy();
            resolve({ status: response.statusCode ?? 0, contentType, text: "" });
            return;
          }
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, contentType, text: Buffer.concat(chunks).toString() }),
          );
        },
      );
      sent.on("error", (error: NodeJS.ErrnoException) => {
        // A refusal may end the connection while the rest of a body is still on its way.
        if (error.code === "ECONNRESET" || error.code === "EPIPE")
          resolve({ status: 400, contentType: "application/json", text: CUT });
        else resolve({ status: 599, contentType: "", text: String(error.message) }); // No HTTP: a finding.
      });
      sent.end(asked.body ?? undefined);
    });
  }
}

const CUT = JSON.stringify({
  errors: [{ id: "-", status: "400", code: "cut", title: "cut", detail: "The connection ended." }],
});
