import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import postgres from "postgres";
import { test as base, expect, makeSecret, pictures, unique } from "./fixtures";
import { fileOf, startLatchkey } from "./processes";

/** Try it and Test connection, against a server that repeats what it is sent and the PostgreSQL that Latchkey itself runs on. */

interface World {
  echo: string;
  database: { host: string; port: number; database: string; user: string; password: string; tls: "disable" };
}

const test = base.extend<object, { world: World }>({
  server: [
    async ({ provider }, use) => {
      const server = await startLatchkey({ account: true, provider, env: { LATCHKEY_EGRESS_ALLOW: "127.0.0.1" } });
      await use(server);
      await server.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],
  world: [
    async ({ server }, use) => {
      const echo = await startEcho();
      const { port } = echo.address() as AddressInfo;
      const embedded = new URL(JSON.parse(await fileOf(server, "embedded.json")).url);
      const login = { user: "story", password: "a-password-of-the-story" };
      const sql = postgres(embedded.href, { max: 1 });
      await sql.unsafe(`create role ${login.user} login password '${login.password}';
        create schema ${login.user} authorization ${login.user};
        create table story.orders as select n as id, 'Customer ' || n as customer from generate_series(1, 120) n;
        alter table story.orders owner to ${login.user}`);
      await sql.end();
      const database = {
        host: "127.0.0.1",
        port: Number(embedded.port),
        database: embedded.pathname.slice(1),
        tls: "disable" as const,
        ...login,
      };
      await use({ echo: `127.0.0.1:${port}`, database });
      await new Promise((resolve) => echo.close(resolve));
    },
    { scope: "worker" },
  ],
});

function startEcho(): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ method: request.method, path: request.url, headers: request.headers }));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

test("a request with an API key: refused where it may not go, sent where it may, and the key never seen", async ({
  console: page,
  world,
  workspaceId,
  api,
}) => {
  const [name, value] = [unique("Key to try"), "a-key-that-nobody-sees-1"];
  const id = await makeSecret(
    { api, workspaceId },
    {
      name,
      type: "api_key",
      credentials: { headerName: "X-Key", headerValue: value },
      allowed_hosts: [world.echo],
    },
  );
  await page.goto(`/workspaces/${workspaceId}/secrets?manage=${id}`);
  await page.getByRole("dialog").getByRole("link", { name: "Try it" }).click();
  await page.waitForURL(/\/try$/);
  const url = page.getByRole("textbox", { name: "URL" });
  await url.fill("http://127.0.0.1:9/elsewhere");
  await url.press("Control+Enter");
  await expect(page.getByRole("region", { name: "Answer" })).toContainText(/not allowed|may not/);
  await expect(url).toHaveValue("http://127.0.0.1:9/elsewhere");

  await url.fill(`http://${world.echo}/v1/things?q=1`);
  await url.press("Control+Enter");
  const answer = page.getByRole("region", { name: "Answer" });
  await expect(answer).toContainText("HTTP 200");
  await expect(answer).toContainText('"path": "/v1/things?q=1"');
  await expect(answer).toContainText("The answer held the secret's value once");
  expect(await page.content()).not.toContain(value);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href]));
  expect(kept).not.toContain("things");
});

test("a login to a database is tested while it is typed, added and changed, and saved only when asked to", async ({
  console: page,
  world,
  workspaceId,
  api,
}) => {
  const name = unique("Typed database");
  await page.goto(`/workspaces/${workspaceId}/secrets/new`);
  await page.getByRole("radio", { name: /^PostgreSQL/ }).check();
  const form = page.getByRole("form", { name: "Add secret" });
  const tested = form.getByRole("region", { name: "Test" });
  const test = tested.getByRole("button", { name: "Test connection" });
  await test.click();
  await expect(form.getByText("Enter the host.")).toBeVisible();
  await expect(form.getByText("Give the secret a name.")).toHaveCount(0);
  const { database } = world;
  await form.getByLabel("Host", { exact: true }).fill(database.host);
  await form.getByLabel("Port", { exact: true }).fill(String(database.port));
  await form.getByLabel("Database", { exact: true }).fill(database.database);
  await form.getByLabel("User", { exact: true }).fill(database.user);
  await form.getByLabel("Password", { exact: true }).fill("another");
  await form.getByLabel("TLS", { exact: true }).selectOption("disable");
  await test.click();
  await expect(tested.getByText("The server refuses this user and password.")).toBeVisible();
  await pictures(page, "test-typed-refused");
  await form.getByLabel("Password", { exact: true }).fill(database.password);
  await expect(tested.getByText("The server refuses this user and password.")).toHaveCount(0);
  await test.click();
  await expect(tested.getByText(/The login works: PostgreSQL/)).toBeVisible();
  await pictures(page, "test-typed-works");
  const names = async () =>
    (await api("GET", `/v2/workspaces/${workspaceId}/secrets`)).data.map(
      (one: { attributes: { name: string } }) => one.attributes.name,
    );
  expect(await names()).not.toContain(name);
  await form.getByLabel("Name", { exact: true }).fill(name);
  await form.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForURL(/\/secrets$/);
  expect(await names()).toContain(name);

  const id = (await api("GET", `/v2/workspaces/${workspaceId}/secrets`)).data.find(
    (one: { attributes: { name: string } }) => one.attributes.name === name,
  ).id;
  await page.goto(`/workspaces/${workspaceId}/secrets/${id}/edit`);
  const edit = page.getByRole("form", { name: "Edit secret" });
  await edit.getByRole("button", { name: "Replace" }).click();
  await edit.getByRole("button", { name: "Test connection" }).click();
  await expect(edit.getByText("Enter the password.")).toBeVisible();
  await edit.getByLabel("User", { exact: true }).fill(database.user);
  await edit.getByLabel("Password", { exact: true }).fill(database.password);
  await edit.getByRole("button", { name: "Test connection" }).click();
  await expect(edit.getByText(/The login works: PostgreSQL/)).toBeVisible();
  await pictures(page, "test-typed-edit");
});

test("a database: its connection tested, rows read, and nothing changed unless that was ticked", async ({
  console: page,
  world,
  workspaceId,
  api,
}) => {
  const make = (credentials: object) =>
    makeSecret({ api, workspaceId }, { name: unique("Database"), type: "postgresql", credentials });
  const wrong = await make({ ...world.database, password: "another" });
  const id = await make(world.database);
  const tested = page.getByRole("dialog").getByRole("region", { name: "Test" });
  await page.goto(`/workspaces/${workspaceId}/secrets?manage=${wrong}`);
  await tested.getByRole("button", { name: "Test connection" }).click();
  await expect(tested.getByText("The server refuses this user and password.")).toBeVisible();
  await page.goto(`/workspaces/${workspaceId}/secrets?manage=${id}`);
  await tested.getByRole("button", { name: "Test connection" }).click();
  await expect(tested.getByText(/The login works: PostgreSQL/)).toBeVisible();

  await page.goto(`/workspaces/${workspaceId}/secrets/${id}/try`);
  const statement = page.getByRole("textbox", { name: "Statement" });
  await statement.fill("select id, customer from story.orders where id > $1 order by id");
  await page.getByRole("textbox", { name: "Parameters" }).fill("[7");
  await statement.press("Control+Enter");
  await expect(page.getByText(/is no JSON/)).toBeVisible();
  await page.getByRole("textbox", { name: "Parameters" }).fill("[7]");
  await statement.press("Control+Enter");
  await expect(page.getByText("100 rows.")).toBeVisible();
  await expect(page.getByText(/There are more rows/)).toBeVisible();
  await expect(page.getByRole("cell", { name: "Customer 8", exact: true })).toBeVisible();

  await page.getByRole("textbox", { name: "Parameters" }).fill("");
  await statement.fill("delete from story.orders where id > 60");
  await statement.press("Control+Enter");
  await expect(page.getByText(/Tick “Let it change something”/)).toBeVisible();
  await page.getByRole("checkbox", { name: /Let it change something/ }).check();
  await page.getByRole("button", { name: "Run statement" }).click();
  await expect(page.getByText("60 rows changed.")).toBeVisible();
});

test("a token: signed, verified, and refused in words where it is for somebody else", async ({
  console: page,
  workspaceId,
  api,
}) => {
  const id = await makeSecret(
    { api, workspaceId },
    {
      name: unique("Signing"),
      type: "hs256",
      credentials: { secret: "0123456789abcdef0123456789abcdef", audience: "orders" },
    },
  );
  await page.goto(`/workspaces/${workspaceId}/secrets/${id}/try`);
  await page.getByRole("button", { name: "Sign", exact: true }).click();
  await expect(page.getByText(/Whoever has this token/)).toBeVisible();
  const token = await page.locator(".copy-text").innerText();
  await page.getByRole("tab", { name: "Verify" }).click();
  await page.getByRole("textbox", { name: "Token" }).fill(token);
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText(/The token is good/)).toBeVisible();
  await page.getByRole("textbox", { name: "Audience" }).fill("somebody else");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText(/The token is for another audience/)).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Token" })).toHaveValue(token);
});

test("a text that is no token: signed, and verified as what it is", async ({ console: page, workspaceId, api }) => {
  const credentials = { secret: "0123456789abcdef0123456789abcdef" };
  const id = await makeSecret({ api, workspaceId }, { name: unique("Signing texts"), type: "hs256", credentials });
  await page.goto(`/workspaces/${workspaceId}/secrets/${id}/try`);
  await page.getByRole("combobox", { name: "What to sign" }).selectOption("A text, as it is");
  await page.getByRole("textbox", { name: "Text" }).fill('{"sub":"42"}');
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText(/This reads as the claims of a token/)).toBeVisible();
  await page.getByRole("textbox", { name: "Text" }).fill("order 7: paid");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText(/It is no token, and opens nothing/)).toBeVisible();
  const signed = await page.locator(".copy-text").innerText();
  await page.getByRole("tab", { name: "Verify" }).click();
  await page.getByRole("textbox", { name: "Token" }).fill(signed);
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("region", { name: "Answer" })).toContainText("The token is");
  await page.getByRole("combobox", { name: "What to verify" }).selectOption("A signed text");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("region", { name: "Answer" })).toContainText("order 7: paid");
});

test("a reference to another secret is filled in where it is sent, or sent as it is", async ({
  console: page,
  world,
  workspaceId,
  api,
}) => {
  const [name, other] = [unique("Referring"), unique("referred").replace(/\W/g, "_")];
  const allowed_hosts = [world.echo];
  const credentials = { headerName: "X-Key", headerValue: "a-key-of-the-request" };
  const id = await makeSecret({ api, workspaceId }, { name, type: "api_key", credentials, allowed_hosts });
  const pair = { username: "ada of the story", password: "a-password-of-hers" };
  await makeSecret({ api, workspaceId }, { name: other, type: "basic", credentials: pair, allowed_hosts });
  await page.goto(`/workspaces/${workspaceId}/secrets/${id}/try`);
  const url = page.getByRole("textbox", { name: "URL" });
  const answer = page.getByRole("region", { name: "Answer" });
  await url.fill(`http://${world.echo}/of/{{${other}.username}}`);
  await url.press("Control+Enter");
  await expect(answer).toContainText("HTTP 200");
  await expect(answer).not.toContainText('"path": "/of/%7B%7B');
  await page.getByRole("checkbox", { name: /Fill in references/ }).uncheck();
  await url.press("Control+Enter");
  await expect(answer).toContainText('"path": "/of/%7B%7B');
});
