import { request as httpRequest } from "node:http";
import { beforeAll, describe, expect, test } from "vitest";
import { POST as CREATE_COMPONENT } from "@/app/v2/components/route";
import { POST as CREATE_CONTRACT } from "@/app/v2/contracts/route";
import { useApiServer } from "@/lib/testing/api-server";
import { addWorkspace } from "@/lib/testing/callers";
import { call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/**
 * "Existing published clients of this API run unchanged": the requests of published clients, sent again as they came over the
 * wire (method, path, header names in their own case and order, values, body), and of the answers exactly what those clients
 * read.
 *
 * Recorded on 2026-11-21 by a proxy between the clients, installed from npm or taken from their repositories, and `npm run
 * demo`; DECISIONS.md says which calls were run and what came of each:
 *
 * - rest-node 1.2.7, 2.0.0: `elasticio-rest-node` (npm), `secrets.retrieve`; the runtime `elasticio-sailor-nodejs` 2.7.8 brings it
 * - commons 3.2.2, 4.0.3: `@elastic.io/component-commons-library` (npm), `PlatformApiLogicClient`
 * - rest-api: elasticio/rest-api-component-v2 `lib/authClientUtils.js` (2257765b); salesforce: elasticio/salesforce-component-v2
 *   `lib/util.js` (3958d5cf), both with axios 1.21.1
 *
 * Only requests are kept here, no code. The packages are no dependencies of ours: rest-node names no licence, the commons library
 * brings a package with an install script and asks for Node 24.
 */
const world = useOAuthWorld();
const server = useApiServer();
let componentId: string;
let secretId: string;
let withComponentId: string;

interface Answered {
  status: number;
  reason: string;
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: each client looks into what came back in its own way
  body: any;
}

/** One request as it was recorded; `…` stands for what differs from run to run. */
interface Recorded {
  method: "GET" | "POST";
  /** Names and values in turn, as node:http takes them. */
  headers: string[];
  body: string;
}

const recorded = (method: "GET" | "POST", lines: string, body = ""): Recorded => ({
  method,
  headers: lines.split(" | ").flatMap((line) => line.split(/: (.*)/s).slice(0, 2)),
  body,
});

const AXIOS = "Accept: application/json, text/plain, */*";
const ZIP = "Accept-Encoding: gzip, compress, deflate, br";
const AXIOS_END = `${ZIP} | Host: … | Authorization: … | Connection: keep-alive`;
const ID = "x-request-id: f:5f1;s:step_1;m:msg";
const COMMONS_3 = `User-Agent: petstore/1.0.0 request/^2.88.2 | ${ID} | host: … | authorization: … | accept: application/json`;
const COMMONS_4 = `User-Agent: petstore/1.0.0 axios/^1.19.0 | ${ID}`;

const COMMONS_GET: Record<string, Recorded> = {
  "commons 3.2.2": recorded("GET", `${COMMONS_3} | Connection: keep-alive`),
  "commons 4.0.3": recorded("GET", `${AXIOS} | ${COMMONS_4} | ${AXIOS_END}`),
};

const OTHER_GET: Record<string, Recorded> = {
  "rest-node 1.2.7": recorded(
    "GET",
    "Connection: Keep-Alive | host: … | authorization: … | accept: application/json | content-length: 0",
  ),
  "rest-node 2.0.0": recorded(
    "GET",
    `${AXIOS} | Connection: Keep-Alive | User-Agent: axios/1.21.1 | ${ZIP} | Host: … | Authorization: …`,
  ),
  "rest-api": recorded("GET", `${AXIOS} | User-Agent: axios/1.21.1 | ${AXIOS_END}`),
  salesforce: recorded(
    "GET",
    `${AXIOS} | User-Agent: salesforce-component-v2/2.8.5 component-commons-library/3.2.0 | ${ID} | ${AXIOS_END}`,
  ),
  "request 2.88.2, user and key in the URL": recorded("GET", "host: … | authorization: … | Connection: keep-alive"),
};

const REFRESH: Record<string, Recorded> = {
  "commons 3.2.2": recorded("POST", `${COMMONS_3} | content-length: 0 | Connection: keep-alive`),
  "commons 4.0.3": recorded(
    "POST",
    `${AXIOS} | Content-Type: application/x-www-form-urlencoded | ${COMMONS_4} | ${AXIOS_END} | Content-Length: 0`,
  ),
  "rest-api": recorded(
    "POST",
    `${AXIOS} | Content-Type: application/json | User-Agent: axios/1.21.1 | Content-Length: 2 | ${AXIOS_END}`,
    "{}",
  ),
  "request 2.88.2, user and key in the URL": recorded(
    "POST",
    "host: … | authorization: … | content-length: 0 | Connection: keep-alive",
  ),
};

const GETS = { ...COMMONS_GET, ...OTHER_GET };

type Who = "task" | "owner" | "owner, percent-encoded";

/** Sends a recorded request to a path of today; nothing is added to the headers and nothing changed but `…`. */
function send({ method, headers: names, body }: Recorded, path: string, who: Who = "task"): Promise<Answered> {
  const { email, key } = world.owner;
  const [user, password] =
    who === "task" ? [world.task.username, world.task.key] : [who === "owner" ? email : encodeURIComponent(email), key];
  const basic = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const target = new URL(server.url);
  const headers = names.map((text, i) => {
    if (text !== "…") return text;
    return names[i - 1]?.toLowerCase() === "host" ? target.host : basic;
  });
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: target.hostname, port: target.port, method, path, headers, setHost: false, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            reason: response.statusMessage ?? "",
            type: response.headers["content-type"] ?? "",
            body: JSON.parse(text),
          }),
        );
      },
    );
    sent.on("error", reject).end(body);
  });
}

const at = (tail = "") => `/v2/workspaces/${world.place.workspaceId}/secrets${tail}`;

/** What clients take off a secret before they use it (CONTRACT section 8: 1, 2, 4). */
function readsAsSecret(answer: Answered, accessToken: string | undefined): void {
  expect(answer).toMatchObject({ status: 200, reason: "OK" });
  expect(answer.type).toContain("application/json");
  const { data } = answer.body;
  expect(data).toMatchObject({ type: "auth-secret", attributes: { type: "oauth2", state: "ready" } });
  expect(data.attributes.credentials.access_token).toBe(accessToken);
  expect(data.relationships.auth_client.data).toMatchObject({ type: "auth-client" });
}

const currentAccess = async (id: string): Promise<string> =>
  (await world.read(id)).body.data.attributes.credentials.access_token;

beforeAll(async () => {
  const made = await call(CREATE_COMPONENT, {
    method: "POST",
    as: world.owner.basic,
    json: {
      data: {
        type: "component",
        attributes: { name: "Petstore" },
        relationships: { contract: { data: { id: world.place.contractId, type: "contract" } } },
      },
    },
  });
  componentId = made.body.data.id;
  secretId = (await world.addSecret({ kind: "grace", expiresIn: 3600 }, { name: "Without component " })).id;
  const { id } = (await world.addSecret({}, { name: "With component" })) ?? {};
  withComponentId = id;
  await world.database.owner`insert into auth_client_components
    select tenant_id, id, ${componentId} from auth_clients where id = ${world.clientId}`;
});

describe.each(Object.entries(GETS))("%s", (_, request) => {
  test("reads a secret, as a step and as a person", async () => {
    const token = await currentAccess(secretId);
    readsAsSecret(await send(request, at(`/${secretId}`)), token);
    readsAsSecret(await send(request, at(`/${secretId}`), "owner"), token);
    readsAsSecret(await send(request, at(`/${secretId}`), "owner, percent-encoded"), token);
  });

  test("finds title and detail in what refuses it", async () => {
    const answer = await send(request, at("/0123456789abcdef01234567"));
    expect(answer).toMatchObject({ status: 404, reason: "Not Found" });
    expect(answer.type).toContain("application/json");
    expect(answer.body.errors[0]).toMatchObject({ title: expect.any(String), detail: expect.any(String) });
  });
});

describe.each(Object.entries(REFRESH))("%s", (_, request) => {
  test("refreshes and reads the new token, whatever it declares its empty body to be", async () => {
    const made = await world.addSecret({ kind: "soft", expiresIn: 3600 });
    const answer = await send(request, at(`/${made.id}/refresh`));
    const token = await currentAccess(made.id);
    expect(token).not.toBe(made.accessToken);
    readsAsSecret(answer, token);
    expect(world.idp.calls).toHaveLength(1);
  });

  test("is told a provider's failure without a 5xx, which it would answer with more requests", async () => {
    const made = await world.addSecret({ kind: "soft", expiresIn: 3600 });
    await world.expire(made.id);
    world.idp.always({ error: { status: 503 } });
    const answer = await send(request, at(`/${made.id}/refresh`));
    expect(answer.status).toBe(424);
    expect(answer.body.errors[0].detail).toEqual(expect.any(String));
  });
});

describe.each(Object.entries(COMMONS_GET))("%s, PlatformApiLogicClient", (name, request) => {
  test("fetchAllSecretsForWorkspace: the whole list, then each auth client without a scope parameter", async () => {
    const list = await send(request, at());
    expect(list.status).toBe(200);
    const names = list.body.data.map((one: Answered["body"]) => [one.id, one.attributes.name.trim()]);
    expect(names).toContainEqual([secretId, "Without component"]);
    expect(names).toContainEqual([withComponentId, "With component"]);
    for (const secret of list.body.data) {
      const client = await send(request, `/v2/auth-clients/${secret.relationships.auth_client.data.id}`);
      expect(client.status).toBe(200);
      const ids = client.body.data.relationships.components.data.map((one: { id: string }) => one.id);
      expect(ids).toEqual([componentId]);
    }
  });

  test("an auth client without components still has a list of them: 4.0.3 reads it unasked and dies without", async () => {
    const bare = await world.addClient();
    const client = await send(request, `/v2/auth-clients/${bare}`);
    expect(client.body.data.relationships.components.data).toEqual([]);
  });

  test("fetchWorkspaceList of a step: its workspace and its contract", async () => {
    const workspace = await send(request, `/v2/workspaces/${world.place.workspaceId}`);
    expect(workspace.body.data).toMatchObject({
      id: world.place.workspaceId,
      attributes: { name: expect.any(String) },
      relationships: { contract: { data: { id: world.place.contractId } } },
    });
    const contract = await send(request, `/v2/contracts/${world.place.contractId}`);
    expect(contract.body.data).toMatchObject({ id: world.place.contractId, attributes: { name: expect.any(String) } });
  });

  test("fetchWorkspaceList of a person: counts from one row a page, and pages far past the end", async () => {
    await call(CREATE_CONTRACT, {
      method: "POST",
      as: world.owner.basic,
      json: { data: { type: "contract", attributes: { name: `Another, ${name}` } } },
    });
    await addWorkspace(world.place);
    const contracts = await send(request, "/v2/contracts?page[size]=1", "owner");
    expect(contracts.body.meta.total).toBeGreaterThan(1);
    const ids: string[] = [];
    // It takes the number of contracts for the number of pages.
    for (let page = 1; page <= contracts.body.meta.total; page++) {
      const part = await send(request, `/v2/contracts?page[size]=20&page[number]=${page}`, "owner");
      expect(part.status).toBe(200);
      ids.push(...part.body.data.map((one: { id: string }) => one.id));
    }
    expect(ids).toHaveLength(contracts.body.meta.total);
    const counted = await send(request, `/v2/workspaces?contract_id=${world.place.contractId}&page[size]=1`, "owner");
    const listed = await send(
      request,
      `/v2/workspaces?contract_id=${world.place.contractId}&page[size]=20&page[number]=1`,
      "owner",
    );
    expect(listed.body.data).toHaveLength(counted.body.meta.total);
    expect(listed.body.data[0].relationships.contract.data.id).toBe(world.place.contractId);
  });

  test("fetchComponentsAccessibleFromContract: name and team of each", async () => {
    const answer = await send(request, `/v2/components?contract_id=${world.place.contractId}`);
    const [contract] = await world.database.owner`
      select name from contracts where id = ${world.place.contractId}`;
    expect(answer.body.data).toMatchObject([
      { id: componentId, attributes: { name: "Petstore", team_name: contract?.name } },
    ]);
  });

  test("GET /users/me of a person; a step is no user", async () => {
    const me = await send(request, "/v2/users/me", "owner");
    expect(me.body.data).toMatchObject({ type: "user", attributes: { email: world.owner.email } });
    expect(await send(request, "/v2/users/me")).toMatchObject({ status: 403, reason: "Forbidden" });
  });
});
