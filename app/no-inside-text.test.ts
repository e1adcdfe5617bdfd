import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "@/lib/ids";
import { makePerson, makePlace, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";
import { INSIDE } from "@/lib/testing/inside";
import { definedRoutes, type Route } from "@/lib/testing/routes";

/**
 * LG-3: no answer tells of our inside: stack, SQL, path, driver, module. Every route is asked oddly, then every route is asked well
 * while the database lacks what it needs, so that real driver errors with statement texts in them are on the way.
 */

const database = useDatabase();
const routes = (await definedRoutes()).filter((route) => !/^(GET|POST) \/api\/auth\//.test(route.definition.route));
let place: Place;
let operator: Person;
let owner: Person;

beforeAll(async () => {
  place = await makePlace();
  owner = await makePerson(place, OWNER);
  operator = await makePerson(null, { operator: true });
});

const renamed = ["contracts", "workspaces", "tenants", "users", "secrets", "auth_clients", "components", "sessions"];
afterAll(async () => {
  for (const name of renamed) await database.owner.unsafe(`alter table if exists gone_${name} rename to ${name}`);
});

async function send(route: Route, id: string, query: string, body: string | undefined, as: Record<string, string>) {
  const params: Record<string, string> = {};
  for (const name of route.parameters) params[name] = name === "workspaceId" && id === "" ? place.workspaceId : id;
  const path = route.path.replace(/\[(?:\.\.\.)?([^\]]+)\]/g, (_all, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
  const stop = new AbortController();
  const response = await route.handler(
    new Request(`http://127.0.0.1:3000${path}${query}`, {
      method: route.method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        origin: "http://latchkey.test",
        ...as,
      },
      body: ["GET", "DELETE", "HEAD"].includes(route.method) ? undefined : body,
      signal: stop.signal,
    }),
    { params: Promise.resolve(params) },
  );
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    stop.abort();
    await response.body?.cancel();
    return { status: response.status, text: "" };
  }
  return { status: response.status, text: `${await response.text()} ${response.headers.get("location") ?? ""}` };
}

const ODD_IDS = [
  "x",
  "'; drop table secrets; --",
  "%00\u0000",
  "../../etc/passwd",
  "a".repeat(3000),
  "__proto__",
  newId(),
];
const ODD_QUERIES = [
  "",
  "?page[size]=-1&page[number]=1e99",
  "?filter[secret]=%27%22%00&sort='",
  "?__proto__=1",
  "?page[size]=NaN&x=y",
];
const ODD_BODIES = [
  undefined,
  "",
  "{",
  "null",
  "[]",
  '"text"',
  "{}",
  '{"data":null}',
  '{"data":[]}',
  '{"data":{"type":"x","attributes":null}}',
  '{"data":{"type":1,"id":{},"attributes":{"name":{"a":[]},"credentials":"\\u0000"}}}',
  '{"__proto__":{"a":1}}',
  '{"a":1e999}',
];

test("odd requests", async () => {
  let asked = 0;
  const statuses = new Set<number>();
  for (const route of routes)
    for (let i = 0; i < ODD_BODIES.length; i++) {
      if (["GET", "DELETE"].includes(route.method) && i >= ODD_IDS.length) break;
      const id = ODD_IDS[i % ODD_IDS.length] as string;
      const answer = await send(route, id, ODD_QUERIES[i % ODD_QUERIES.length] as string, ODD_BODIES[i], owner.basic);
      statuses.add(answer.status);
      asked++;
      const said = `${route.definition.route} ${i}: ${answer.status} ${answer.text}`;
      expect(answer.status === 503 && /readyz/.test(route.path) ? 0 : answer.status, said).toBeLessThan(500);
      if (!/^GET \/(metrics|healthz|readyz)/.test(route.definition.route)) expect(said, said).not.toMatch(INSIDE);
    }
  expect(asked).toBeGreaterThan(300);
  expect([...statuses]).toEqual(expect.arrayContaining([400, 404]));
});

test("a database that lacks what is asked for: 500 or 503 with a request id and nothing of the error", async () => {
  for (const name of renamed) await database.owner.unsafe(`alter table ${name} rename to gone_${name}`);
  const failed = new Set<string>();
  for (const route of routes)
    for (const as of [owner.basic, operator.basic]) {
      const answer = await send(route, "", "", '{"data":{"type":"x","attributes":{"name":"x"}}}', as);
      const said = `${route.definition.route}: ${answer.status} ${answer.text}`;
      if (/^GET \/(metrics|healthz|readyz)/.test(route.definition.route)) continue;
      expect(said, said).not.toMatch(INSIDE);
      if (answer.status < 500) continue;
      failed.add(route.definition.route);
      const { errors } = JSON.parse(answer.text) as { errors: { id: string; code: string; detail?: string }[] };
      expect(errors[0]?.id).toMatch(/\S/);
    }
  expect(failed.size).toBeGreaterThan(5);
});
