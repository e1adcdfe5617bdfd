import { expect, makeClient, makeSecret, rowOf, test, unique } from "./fixtures";

/** Coming back from the provider without a token: each failure is a page that says what happened, who must act, and a way on. */

test("declined access", async ({ console: page, api, provider, workspaceId }) => {
  const name = unique("Declined");
  const client = await makeClient({ api, provider, workspaceId }, name);
  await makeSecret({ api, workspaceId }, { name, credentials: { scope: "openid" } }, client.id);
  await rowOf(page, name)
    .getByRole("button", { name: /Authorize/ })
    .click();
  await page.waitForURL((to) => to.origin === provider.issuer);
  await page.getByRole("button", { name: "Deny" }).click();

  await page.waitForURL(/\/failed(\?|$)/);
  expect(page.url()).not.toMatch(/state=|code=|error=/);
  await expect(page.getByRole("heading", { name: "You declined access" })).toBeVisible();
  await expect(page.getByText(`${name} was not authorized`)).toBeVisible();
  await expect(page.getByText("Who can do it:")).toBeVisible();
  await page.getByText("What the provider said").click();
  await expect(page.getByText("The person said no.")).toBeVisible();

  await page.getByRole("button", { name: /Try again/ }).click();
  await page.waitForURL((to) => to.origin === provider.issuer);
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL(/\?authorized=/);
  await expect(rowOf(page, name)).toContainText(/Fresh|Refreshing/);
});

test("a link that was used already redeems nothing again", async ({ console: page, api, provider, workspaceId }) => {
  const name = unique("Twice");
  const client = await makeClient({ api, provider, workspaceId }, name);
  const secretId = await makeSecret(
    { api, workspaceId },
    { name, credentials: { scope: "openid offline_access" } },
    client.id,
  );
  let callback = "";
  page.on("request", (request) => {
    if (request.url().includes("/api/oauth/callback/")) callback = request.url();
  });
  await rowOf(page, name)
    .getByRole("button", { name: /Authorize/ })
    .click();
  await page.waitForURL((to) => to.origin === provider.issuer);
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL(/\?authorized=/);
  const before = (await api("GET", `/v2/workspaces/${workspaceId}/secrets/${secretId}`)).data.attributes;

  await page.goto(callback);
  await page.waitForURL(/\/failed(\?|$)/);
  await expect(page.getByRole("heading", { name: "This link was used already" })).toBeVisible();
  const after = (await api("GET", `/v2/workspaces/${workspaceId}/secrets/${secretId}`)).data.attributes;
  expect(after.state).toBe("ready");
  expect(after.generation - before.generation).toBeLessThanOrEqual(2);
  await page.getByRole("link", { name: "Back to secrets" }).click();
  await expect(rowOf(page, name)).toBeVisible();
});

test("a wrong client secret names the client and leads to it", async ({
  console: page,
  api,
  provider,
  workspaceId,
}) => {
  const name = unique("Wrong client secret");
  const client = await makeClient({ api, provider, workspaceId }, name, { client_secret: "this is not the secret" });
  await makeSecret({ api, workspaceId }, { name, credentials: { scope: "openid" } }, client.id);
  await rowOf(page, name)
    .getByRole("button", { name: /Authorize/ })
    .click();
  await page.waitForURL((to) => to.origin === provider.issuer);
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL(/\/failed(\?|$)/);
  await expect(page.getByRole("heading", { name: "The provider rejects the auth client" })).toBeVisible();
  await expect(page.getByText("Replace it in the auth client")).toBeVisible();
  await page.getByRole("link", { name: "Open the auth client" }).click();
  await expect(page.getByRole("heading", { name: client.name, level: 1 })).toBeVisible();
});

test("an answer nobody asked for, and one for another browser, store nothing", async ({
  console: page,
  api,
  provider,
  workspaceId,
  browser,
}) => {
  await page.goto("/api/oauth/callback/anything.12345678?code=stolen&state=invented");
  await expect(page.getByRole("heading", { name: "This answer belongs to no request of ours" })).toBeVisible();
  expect(page.url()).not.toMatch(/stolen|invented/);

  const name = unique("Other browser");
  const client = await makeClient({ api, provider, workspaceId }, name);
  const secretId = await makeSecret({ api, workspaceId }, { name, credentials: { scope: "openid" } }, client.id);
  await page.goto(`/workspaces/${workspaceId}/secrets`);
  await rowOf(page, name)
    .getByRole("button", { name: /Authorize/ })
    .click();
  await page.waitForURL((to) => to.origin === provider.issuer);
  // Allow, by the same cookies but without the browser following the provider back.
  let callback = new URL(`${page.url()}/allow`);
  for (let hop = 0; !callback.pathname.startsWith("/api/oauth/callback/"); hop++) {
    const answer = await page.request.fetch(callback.href, { method: hop === 0 ? "POST" : "GET", maxRedirects: 0 });
    callback = new URL(answer.headers().location ?? "", callback);
  }
  expect(callback.searchParams.get("code")).toBeTruthy();
  // The victim is signed in, in a browser that did not start this.
  const cookies = (await page.context().cookies()).filter((cookie) => cookie.name === "latchkey.session");
  const victim = await browser.newContext();
  await victim.addCookies(cookies);
  const their = await victim.newPage();
  await their.goto(callback.href);
  await expect(their.getByRole("heading", { name: "This was started in another browser" })).toBeVisible();
  await victim.close();
  const { attributes } = (await api("GET", `/v2/workspaces/${workspaceId}/secrets/${secretId}`)).data;
  expect(attributes.status).toBe("unauthorized");
});
