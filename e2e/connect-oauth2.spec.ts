import { apiOf, expect, paste, rowOf, test } from "./fixtures";
import { type Latchkey, startLatchkey } from "./processes";

/** The whole story, from first start to a token that was refreshed twice and read by a step. */

const PERSON = { email: "grace@example.com", password: "a long enough password 42" };

let fresh: Latchkey;
test.beforeAll(async ({ provider }) => {
  fresh = await startLatchkey({ provider });
});
test.afterAll(async () => {
  await fresh?.stop();
});

test("from first start to a token refreshed twice and read by a step", async ({ page, provider }) => {
  test.setTimeout(120_000);

  await test.step("the set-up link makes the first account and signs in", async () => {
    await page.goto(fresh.setupLink());
    await page.getByLabel("First name").fill("Grace");
    await page.getByLabel("Last name").fill("Hopper");
    await page.getByLabel("Email").fill(PERSON.email);
    await page.getByLabel("Organisation").fill("Navy");
    await page.getByLabel("Password", { exact: true }).fill(PERSON.password);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.waitForURL(/\/workspaces\/[0-9a-f]{24}\/secrets$/);
  });
  const workspaceId = /workspaces\/([0-9a-f]{24})/.exec(page.url())?.[1] ?? "";

  await test.step("Add secret shows the redirect URI to register", async () => {
    await page
      .getByRole("link", { name: /Add secret/ })
      .first()
      .click();
    await page.getByLabel("Name", { exact: true }).fill("My account");
  });
  const uri = page.locator(".copy-text");
  await expect(uri).toHaveText(new RegExp(`^${fresh.url}/api/oauth/callback/my-account\\.[0-9a-z]{8}$`));
  const { clientId, clientSecret } = await provider.register((await uri.textContent()) ?? "");

  await test.step("+Add New Client on top, filled from the issuer", async () => {
    await page.getByRole("combobox", { name: "Choose Auth Client" }).click();
    await page.getByRole("option", { name: "+Add New Client" }).click();
    const dialog = page.getByRole("dialog", { name: "Add New Client" });
    await dialog.getByLabel("Name", { exact: true }).fill("The provider");
    await dialog.getByLabel("Issuer URL").fill(provider.issuer);
    await dialog.getByRole("button", { name: "Look up" }).click();
    await expect(dialog.getByRole("textbox", { name: "Authorization endpoint" })).toHaveValue(
      `${provider.issuer}/auth`,
    );
    await expect(dialog.getByRole("textbox", { name: "Token endpoint" })).toHaveValue(`${provider.issuer}/token`);
    await dialog.getByLabel("Client ID").fill(clientId);
    await dialog.getByLabel("Client secret").fill(clientSecret);
    await dialog.getByRole("button", { name: "Save client" }).click();
    await expect(dialog).toBeHidden();
    await expect(page.getByRole("combobox", { name: "Choose Auth Client" })).toContainText("The provider");
    await expect(page.getByLabel("Name", { exact: true })).toHaveValue("My account");
  });

  await test.step("Save and authorize, consent, and back with the row highlighted", async () => {
    await page.getByLabel(/^Scopes/).fill("openid, profile offline_access");
    await page.getByLabel(/^Scopes/).press("Enter");
    await paste(page.getByLabel("Parameter 1 name"), "prompt:consent, access_type:offline");
    await expect(page.getByLabel("Parameter 2 value")).toHaveValue("offline");
    await page.getByRole("button", { name: "Save and authorize" }).click();
    await page.waitForURL((to) => to.origin === provider.issuer);
    await page.getByRole("button", { name: "Allow" }).click();
    await page.waitForURL(new RegExp(`${fresh.url}/workspaces/${workspaceId}/secrets\\?authorized=`));
    await expect(page.getByRole("status").filter({ hasText: "“My account” is authorized." })).toBeVisible();
    const row = rowOf(page, "My account");
    await expect(row).toContainText(/Fresh|Refreshing/);
    await expect(row).toHaveAttribute("aria-selected", "true");
  });
  const secretId = /authorized=([0-9a-f]{24})/.exec(page.url())?.[1] ?? "";

  const key = await test.step("an API key from the account page", async () => {
    const account = await page.context().newPage();
    await account.goto(`${fresh.url}/account`);
    await account.getByRole("button", { name: "Create API key" }).click();
    const dialog = account.getByRole("dialog", { name: "Create API key" });
    await dialog.getByLabel("Name").fill("the step");
    await dialog.getByRole("button", { name: "Create API key" }).click();
    const shown = await account
      .getByRole("dialog", { name: "Your new API key" })
      .locator(".copy-text")
      .filter({ hasText: "latchkey_pat_" })
      .textContent();
    await account.close();
    return shown ?? "";
  });
  expect(key).toMatch(/^latchkey_pat_/);
  const step = apiOf(fresh.url, PERSON.email, key);
  const secret = `/v2/workspaces/${workspaceId}/secrets/${secretId}`;
  const first = (await step("GET", `${secret}/token`)).data.attributes;
  expect(await provider.accepts(first.access_token)).toBe(200);

  await test.step("the token is refreshed at least twice while the open page follows by itself", async () => {
    await page.getByRole("status").getByRole("button", { name: "Manage tokens" }).click();
    const drawer = page.getByRole("dialog", { name: "My account" });
    await expect(drawer).toContainText(/Access token valid for|Being renewed right now/);
    const print = drawer.locator(".fact").filter({ hasText: "Access token" }).locator(".fp").first();
    const seen = new Set<string>();
    await expect
      .poll(
        async () => {
          seen.add((await print.textContent()) ?? "");
          return seen.size;
        },
        { timeout: 45_000, intervals: [250] },
      )
      .toBeGreaterThanOrEqual(3);
    await expect(
      drawer
        .getByRole("listitem")
        .filter({ hasText: /[Rr]enewed|[Rr]efreshed/ })
        .nth(1),
    ).toBeVisible();
    expect(await provider.refreshes()).toBeGreaterThanOrEqual(2);
  });

  await test.step("the step reads the newest token both ways and the provider accepts it", async () => {
    const token = (await step("GET", `${secret}/token`)).data.attributes;
    expect(token.generation).toBeGreaterThanOrEqual(first.generation + 2);
    expect(token.access_token).not.toBe(first.access_token);
    expect(await provider.accepts(token.access_token)).toBe(200);
    const { attributes } = (await step("GET", secret)).data;
    expect(attributes.credentials.access_token).toBeTruthy();
    expect(attributes.state).toBe("ready");
    expect(await provider.accepts(attributes.credentials.access_token)).toBe(200);
  });

  await test.step("the set-up link is spent, and neither it nor a token is in the log", async () => {
    await page.goto(fresh.setupLink());
    await expect(page.getByRole("heading", { name: "This link is no longer valid" })).toBeVisible();
    const log = fresh
      .output()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .join("\n");
    expect(log).toContain('"request"');
    for (const secretText of [key, clientSecret, first.access_token, PERSON.password, fresh.setupLink().split("#")[1]])
      expect(log).not.toContain(secretText);
  });
});
