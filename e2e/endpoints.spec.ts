import { expect, makeSecret, signIn, test, unique } from "./fixtures";
import { ACCOUNT } from "./processes";

/** Guarding a program: an endpoint is added, asked by a proxy, watched, opened to everybody and closed again, and deleted. */

const pair = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
});

test("An endpoint: added, asked, watched, edited, deleted", async ({ console: page, api, workspaceId }) => {
  // Three forms, five pages and a log that is looked at every 5 s in one story.
  test.setTimeout(150_000);
  const secretName = unique("Opener");
  await makeSecret(
    { api, workspaceId },
    { name: secretName, type: "basic", credentials: { username: "ann", password: "right" } },
  );
  const name = unique("Orders");

  await page.getByRole("link", { name: "Endpoints" }).click();
  await expect(page.getByRole("heading", { name: "Endpoints", exact: true })).toBeVisible();
  await page.getByRole("link", { name: /Add endpoint/ }).click();
  await page.getByRole("button", { name: "Add endpoint" }).click();
  await expect(page.getByText("Give it a name.")).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("combobox", { name: "Secrets that open it" }).click();
  await page.getByRole("searchbox", { name: "Search secrets" }).fill(secretName);
  // Enter chooses what is shown; a list that is still on its way shows nothing.
  await expect(page.getByRole("option", { name: secretName })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: `Take out ${secretName}` })).toBeVisible();
  const scopes = page.getByLabel(/Scopes of tokens/);
  await scopes.fill("orders:read");
  await scopes.press("Enter");
  await page.getByRole("button", { name: "Add endpoint" }).click();

  await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
  await expect(page.getByText("Nobody has asked yet")).toBeVisible();
  const lines = page.getByRole("tabpanel");
  await expect(lines).toContainText("auth_request /_latchkey;");
  const checkUrl = /proxy_pass (http\S+\/inbound\/\w+\/check);/.exec(await lines.innerText())?.[1] ?? "";
  await page.getByRole("tab", { name: "Traefik" }).click();
  await expect(page.getByRole("tabpanel")).toContainText(`address: ${checkUrl}`);
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tabpanel")).toContainText("forward_auth");

  const ask = async (headers?: Record<string, string>) => (await fetch(checkUrl, { headers })).status;
  expect([await ask(pair("ann", "right")), await ask(pair("ann", "wrong")), await ask()]).toEqual([204, 401, 401]);
  const log = page.getByRole("table", { name: "Latest requests" });
  await expect(log.getByRole("row").filter({ hasText: `Let through by ${secretName}` })).toContainText("127.0.0.1");
  await expect(log.getByText("Wrong user name or password.")).toBeVisible();
  await expect(log.getByText("No credentials were sent.")).toBeVisible();

  // Open access asks first, in plain words, and can be let go again before anything is saved.
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  const open = page.getByRole("checkbox", { name: /Let everybody through/ });
  await open.click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText("every request passes the proxy");
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(open).not.toBeChecked();
  await open.click();
  await question.getByRole("button", { name: "Let everybody through" }).click();
  await expect(open).toBeChecked();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Open to everybody.")).toBeVisible();
  await expect.poll(() => ask()).toBe(204);

  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await page.getByRole("checkbox", { name: /Let everybody through/ }).click();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Off", { exact: true })).toBeVisible();
  await expect.poll(() => ask()).toBe(401);

  await page.getByRole("button", { name: "Delete endpoint…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete endpoint" }).click();
  await expect(page.getByRole("heading", { name: "Endpoints", level: 1 })).toBeVisible();
  await expect(page.getByRole("link", { name })).toBeHidden();
  await expect.poll(() => ask(pair("ann", "right"))).toBe(404);
});

test("An endpoint whose secret was deleted says so, stays closed, and is mended in its form", async ({
  console: page,
  api,
  workspaceId,
}) => {
  // Six pages, two drawers and a form.
  test.setTimeout(150_000);
  const [gone, next] = [unique("Gone"), unique("Next")];
  const credentials = { headerName: "X-Key", headerValue: "k" };
  const id = await makeSecret({ api, workspaceId }, { name: gone, type: "api_key", credentials });
  const nextId = await makeSecret({ api, workspaceId }, { name: next, type: "api_key", credentials });
  const name = unique("Half");
  const { data } = await api("POST", `/v2/workspaces/${workspaceId}/endpoints`, {
    data: {
      type: "endpoint",
      attributes: { name },
      relationships: { secrets: { data: [{ id, type: "auth-secret" }] } },
    },
  });
  // The drawer of a secret has the lines of the endpoint that it opens.
  await page.goto(`/workspaces/${workspaceId}/secrets?manage=${id}`);
  await page.getByRole("dialog").getByRole("tab", { name: "nginx, incoming" }).click();
  await expect(page.getByRole("dialog").getByRole("tabpanel")).toContainText(data.attributes.check_url);
  await page.goto(`/workspaces/${workspaceId}/secrets?manage=${nextId}`);
  await page.getByRole("dialog").getByRole("tab", { name: "nginx, incoming" }).click();
  await expect(page.getByRole("dialog").getByRole("tabpanel")).toContainText("/inbound/ENDPOINT/check");

  // Whoever deletes a secret is told what it opens.
  await page.goto(`/workspaces/${workspaceId}/secrets`);
  await page.getByRole("button", { name: `More for ${gone}` }).click();
  await page.getByRole("menuitem", { name: /Delete/ }).click();
  await expect(page.getByRole("alertdialog")).toContainText(`It opens the endpoint “${name}”`);
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete secret" }).click();
  await expect(page.getByRole("alertdialog")).toBeHidden();
  await page.goto(`/workspaces/${workspaceId}/endpoints`);
  await expect(page.getByRole("row").filter({ hasText: name })).toContainText("Nobody can pass");
  await page.getByRole("link", { name }).click();
  await expect(page.getByText("Every secret that opened this endpoint was deleted")).toBeVisible();
  await expect(page.getByText("A secret that was deleted")).toBeVisible();
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await page.getByRole("combobox", { name: "Secrets that open it" }).click();
  await page.getByRole("option", { name: new RegExp(next) }).click();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("link", { name: next })).toBeVisible();
  await expect(page.getByText("Every secret that opened this endpoint was deleted")).toBeHidden();
});

test("Endpoints that cannot be loaded say so, and can be asked for again", async ({ page, server, workspaceId }) => {
  await signIn(page, server.url, ACCOUNT);
  let failing = true;
  await page.route("**/v2/workspaces/*/endpoints?*", (route) =>
    failing ? route.fulfill({ status: 503, contentType: "application/json", body: '{"errors":[]}' }) : route.continue(),
  );
  await page.goto(`/workspaces/${workspaceId}/endpoints`);
  await expect(page.getByText("The endpoints could not be loaded.")).toBeVisible();
  failing = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByText("The endpoints could not be loaded.")).toBeHidden();
});

test("Endpoints are found by a part of their name", async ({ console: page, api, workspaceId }) => {
  const [wanted, other] = [unique("Wanted"), unique("Elsewhere")];
  for (const name of [wanted, other])
    await api("POST", `/v2/workspaces/${workspaceId}/endpoints`, { data: { type: "endpoint", attributes: { name } } });
  await page.goto(`/workspaces/${workspaceId}/endpoints`);
  await expect(page.getByRole("link", { name: other })).toBeVisible();
  await page.keyboard.press("/");
  await page.keyboard.type(wanted.toUpperCase());
  await expect(page.getByRole("link", { name: other })).toBeHidden();
  await expect(page.getByRole("link", { name: wanted })).toBeVisible();
  await page.keyboard.type(" and more");
  await expect(page.getByText("Nothing matches")).toBeVisible();
  await page.getByRole("button", { name: "Clear search" }).click();
  await expect(page.getByRole("link", { name: other })).toBeVisible();
});

test("A secret beyond the first hundred is found by its name, in the forms of endpoints and webhooks", async ({
  console: page,
  api,
  workspaceId,
}) => {
  // Two hundred calls and three forms.
  test.setTimeout(150_000);
  // Of one type more than a page of the list holds; sorted by name, the last ones are on no first page.
  const credentials = { headerName: "X-Key", headerValue: "k" };
  const prefix = unique("Many");
  const made: string[] = [];
  for (let n = 0; n < 101; n++)
    made.push(
      await makeSecret(
        { api, workspaceId },
        { name: `${prefix} ${String(n).padStart(3, "0")}`, type: "api_key", credentials },
      ),
    );
  const [last, other] = [`zz ${unique("Last")}`, `zz ${unique("Other")}`];
  for (const name of [last, other]) await makeSecret({ api, workspaceId }, { name, type: "api_key", credentials });

  await page.goto(`/workspaces/${workspaceId}/endpoints/new`);
  const picker = page.getByRole("combobox", { name: "Secrets that open it" });
  for (const name of [last, other]) {
    await picker.click();
    await expect(page.getByText("There are more. Type a part of the name to find them.")).toBeVisible();
    await expect(page.getByRole("option", { name })).toBeHidden();
    await page.getByRole("searchbox", { name: "Search secrets" }).fill(name.slice(3));
    await page.getByRole("option", { name }).click();
    await expect(page.getByRole("button", { name: `Take out ${name}` })).toBeVisible();
  }
  await expect(page.getByRole("button", { name: `Take out ${last}` })).toBeVisible();
  const name = unique("Found");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Add endpoint" }).click();
  await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
  await expect(page.getByRole("link", { name: last })).toBeVisible();

  await page.goto(`/workspaces/${workspaceId}/webhooks`);
  await page
    .getByRole("button", { name: /Add webhook/ })
    .first()
    .click();
  const choice = page.getByRole("combobox", { name: /Authenticate with/ });
  await choice.click();
  await page.getByRole("searchbox", { name: "Search secrets" }).fill(last);
  await page.getByRole("option", { name: last }).click();
  await expect(choice).toContainText(last);
  // The stories after this one look for theirs among the first hundred.
  for (const id of made) await api("DELETE", `/v2/workspaces/${workspaceId}/secrets/${id}`);
});

test("Who may not edit endpoints is told so instead of being given the form", async ({
  page,
  server,
  api,
  workspaceId,
}) => {
  const attributes = { name: unique("Not mine") };
  const { data } = await api("POST", `/v2/workspaces/${workspaceId}/endpoints`, {
    data: { type: "endpoint", attributes },
  });
  await signIn(page, server.url, ACCOUNT);
  await page.route(new RegExp(`/v2/workspaces/${workspaceId}(\\?|$)`), async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    json.meta.permissions = json.meta.permissions.filter((name: string) => name !== "workspaces.endpoint.edit");
    await route.fulfill({ response, json });
  });
  await page.goto(`/workspaces/${workspaceId}/endpoints/${data.id}/edit`);
  // The way back has its name once the endpoint is loaded: before that there is no form for anybody.
  await expect(page.getByRole("link", { name: attributes.name })).toBeVisible();
  await expect(page.getByText("You may not edit endpoints here")).toBeVisible();
  await expect(page.getByRole("button", { name: "Save", exact: true })).toHaveCount(0);
});
