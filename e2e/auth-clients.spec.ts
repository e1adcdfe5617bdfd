import { expect, makeClient, makeSecret, rowOf, test, unique } from "./fixtures";

/** The auth clients of a workspace: added on their own page, edited, never shown their secret, deleted when unused. */

test("added by hand with errors at their fields, then edited", async ({ console: page, workspaceId }) => {
  const name = unique("By hand");
  await page.goto(`/workspaces/${workspaceId}/auth-clients`);
  await page
    .getByRole("link", { name: /Add New Client/ })
    .first()
    .click();
  const form = page.getByRole("form", { name: "Add New Client" });
  await form.getByRole("button", { name: /Save/ }).click();
  await expect(form.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await expect(form.getByLabel("Client ID")).toHaveAttribute("aria-invalid", "true");

  await form.getByLabel("Name", { exact: true }).fill(name);
  await form.getByLabel("Client ID").fill("client-42");
  await form.getByLabel("Client secret", { exact: true }).fill("never shown again");
  await form.getByRole("textbox", { name: "Authorization endpoint" }).fill("https://provider.example.com/auth");
  await form.getByRole("textbox", { name: "Token endpoint" }).fill("https://provider.example.com/token");
  await form.getByRole("button", { name: /Save/ }).click();
  await page.waitForURL(/\/auth-clients(\/[0-9a-f]{24})?$/);
  if (page.url().endsWith("/auth-clients")) await page.getByRole("link", { name }).click();

  await expect(page.getByRole("heading", { name, level: 1 })).toBeVisible();
  await expect(page.getByText("client-42").first()).toBeVisible();
  const settings = page.getByRole("form", { name: "Settings" });
  await expect(settings.getByRole("img", { name: "A client secret is stored" })).toBeVisible();
  expect(await page.content()).not.toContain("never shown again");
  await settings.getByLabel("Name", { exact: true }).fill(`${name} II`);
  await settings.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: `${name} II`, level: 1 })).toBeVisible();
});

test("an issuer that is none is said at its field", async ({ console: page, workspaceId }) => {
  await page.goto(`/workspaces/${workspaceId}/auth-clients/new`);
  const issuer = page.getByLabel("Issuer URL");
  await issuer.fill("https://10.0.0.1");
  await page.getByRole("button", { name: "Look up" }).click();
  await expect(issuer).toHaveAttribute("aria-invalid", "true");
});

test("what uses a client is shown and keeps it from being deleted", async ({
  console: page,
  api,
  provider,
  workspaceId,
}) => {
  const secretName = unique("User of it");
  const client = await makeClient({ api, provider, workspaceId }, secretName);
  const secretId = await makeSecret({ api, workspaceId }, { name: secretName, credentials: {} }, client.id);
  await page.goto(`/workspaces/${workspaceId}/auth-clients/${client.id}`);
  await expect(page.getByRole("link", { name: secretName })).toBeVisible();
  const remove = page.getByRole("button", { name: /Delete/ });
  await expect(remove)
    .toBeDisabled()
    .catch(async () => expect(remove).toHaveAttribute("aria-disabled", "true"));

  await api("DELETE", `/v2/workspaces/${workspaceId}/secrets/${secretId}`);
  await page.reload();
  await page.getByRole("button", { name: /Delete/ }).click();
  await page
    .getByRole("alertdialog")
    .getByRole("button", { name: /Delete/ })
    .click();
  await page.waitForURL(/\/auth-clients$/);
  await expect(rowOf(page, client.name)).toBeHidden();
});
