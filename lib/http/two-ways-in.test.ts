import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { POST as ADD_ENDPOINT } from "@/app/v2/workspaces/[workspaceId]/endpoints/route";
import { newId } from "@/lib/ids";
import { makePerson, makePlace, OWNER, type Person } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";
import { postSecret } from "@/lib/testing/secrets-api";
import { PEER_HEADER } from "./client-address";
import { HOT_ROUTES } from "./hot-routes";
import { answer, hotMatcher } from "./node-entry";
import { apiHeaders } from "./security-headers";

/** HOUSE "One endpoint, two ways in": what server.ts answers from node:http is what Next would answer with the same object. */
const world = useOAuthWorld();
const hot = hotMatcher(HOT_ROUTES);
let server: Server;
let origin: string;
let secretId: string;
let endpointId: string;
let stranger: Person;

beforeAll(async () => {
  stranger = await makePerson(await makePlace(), OWNER);
  const made = await postSecret(
    world.place,
    world.owner.basic,
    {
      name: "Both ways",
      credentials: { access_token: "at", refresh_token: "rt", expires_in: 3600 },
      allowed_hosts: ["127.0.0.1:1"],
    },
    world.clientId,
  );
  secretId = made.body.data.id;
  const open = { data: { type: "endpoint", attributes: { name: "Both ways", open_access: true } } };
  const params = { workspaceId: world.place.workspaceId };
  endpointId = (await call(ADD_ENDPOINT, { method: "POST", params, as: world.owner.basic, json: open })).body.data.id;
  server = createServer((request, response) => {
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const match = hot(request.method ?? "GET", path);
    if (!match) throw new Error(`${path} is no hot route`);
    void answer(request, response, path, match.endpoint, match.params);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

interface Sent {
  method: string;
  url: string;
  headers: Record<string, string>;
  body?: string;
}

/** Bodies of the routes that take one; nobody listens where the request would go. */
const BODIES: Record<string, unknown> = {
  refused: { fingerprint: "old" },
  request: { url: "https://127.0.0.1:1/" },
};

/** Members that differ from one request to the next. */
const plain = (text: string) =>
  text
    .replace(/"id":"[0-9a-f-]{36}"/g, '"id":"…"')
    .replace(/"valid_for":\d+/g, '"valid_for":0')
    .replace(/"(refresh_due_at|next_attempt_at|since)":"[^"]+"/g, '"$1":"…"');

async function told(response: Response) {
  const headers = Object.fromEntries(response.headers);
  for (const name of ["x-request-id", "content-length", "transfer-encoding", "date", "connection", "keep-alive"])
    delete headers[name];
  return { status: response.status, headers, body: plain(await begun(response)) };
}

/** The whole body; of a stream of events, which has no end, its first piece. */
async function begun(response: Response): Promise<string> {
  const { body } = response;
  if (!body || !response.headers.get("content-type")?.startsWith("text/event-stream")) return response.text();
  const reader = body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

async function bothWays(sent: Sent) {
  const path = sent.url.split("?", 1)[0] ?? "";
  const match = hot(sent.method, path);
  if (!match) throw new Error(`${path} is no hot route`);
  const init = { method: sent.method, headers: sent.headers, body: sent.body };
  const straight = await told(await fetch(origin + sent.url, init));
  const direct = await told(await match.endpoint(new Request(origin + sent.url, init), { params: match.params }));
  // Whoever asks so is sent no body.
  if (sent.method === "HEAD") direct.body = "";
  // Next's answers get the static headers of every API answer from server.ts as well.
  const always = Object.entries(apiHeaders(path)).map(([name, value]) => [name.toLowerCase(), value]);
  return { straight, direct: { ...direct, headers: { ...Object.fromEntries(always), ...direct.headers } } };
}

test("every hot route answers alike from node:http and through its route file: success, refusals and nonsense", async () => {
  const JSON_TYPE = { "content-type": "application/json" };
  let compared = 0;
  for (const route of HOT_ROUTES) {
    const url = (workspaceId: string, id: string) =>
      route.path
        .replace("[workspaceId]", workspaceId)
        .replace("[secretId]", id)
        .replace("[endpointId]", id === secretId ? endpointId : id)
        .replace("[...target]", "127.0.0.1:1/x");
    const own = url(world.place.workspaceId, secretId);
    const json = BODIES[route.path.split("/").at(-1) as string];
    const body = json ? { body: JSON.stringify(json) } : {};
    const as = { ...world.owner.basic, ...JSON_TYPE };
    const cases: Sent[] = [
      { method: route.method, url: own, headers: as, ...body },
      { method: route.method, url: own, headers: JSON_TYPE, ...body },
      { method: route.method, url: own, headers: { ...stranger.basic, ...JSON_TYPE }, ...body },
      { method: route.method, url: url(world.place.workspaceId, newId()), headers: as, ...body },
      { method: route.method, url: url("not-an-id", "%00"), headers: as, ...body },
      { method: route.method, url: `${own}?unknown=1`, headers: as, ...body },
      { method: route.method, url: own, headers: { ...as, accept: "text/html" }, ...body },
    ];
    if (route.method === "POST") cases.push({ method: "POST", url: own, headers: as, body: '{"a":' });
    for (const sent of cases) {
      const { straight, direct } = await bothWays(sent);
      expect(straight, `${sent.method} ${sent.url}`).toEqual(direct);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThanOrEqual(HOT_ROUTES.length * 7);
});

test("straight from node:http a call comes from its socket's address, whatever its headers say", async () => {
  const url = `${origin}/v2/workspaces/${world.place.workspaceId}/secrets/${secretId}/token`;
  const headers = { ...world.owner.basic, [PEER_HEADER]: "192.0.2.66", "x-forwarded-for": "192.0.2.67" };
  expect((await fetch(url, { headers })).status).toBe(200);
  const [entry] = await world.database.owner`
    select ip from audit_entries where target_id = ${secretId} and action = 'secret.token' order by id desc limit 1`;
  expect(entry?.ip).toBe("127.0.0.1");
});
