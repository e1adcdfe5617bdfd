import { apiOf, expect, signIn, test, unique } from "./fixtures";
import { ACCOUNT } from "./processes";

/** Keys that may do less than their person, and signing people out (SECURITY KEY-3, SES-2). */

test("a key is limited when it is made, says so in the list, and obeys", async ({
  console: page,
  server,
  workspaceId,
}) => {
  const name = unique("Limited");
  await page.goto("/account");
  await page.getByRole("button", { name: "Create API key" }).click();
  const dialog = page.getByRole("dialog", { name: "Create API key" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByText("Limit this key").click();
  await dialog.getByLabel(/See secrets, their status/).check();
  await dialog.getByRole("group", { name: "Only in these workspaces" }).getByRole("checkbox").first().check();
  const addresses = dialog.getByLabel("Only from these addresses");
  await addresses.fill("not-an-address");
  await addresses.press("Enter");
  await dialog.getByRole("button", { name: "Create API key" }).click();
  await expect(dialog.getByText(/IP address or a range/)).toBeVisible();
  await dialog.getByRole("button", { name: "Remove not-an-address" }).click();
  for (const entry of ["127.0.0.0/8", "::1"]) {
    await addresses.fill(entry);
    await addresses.press("Enter");
  }
  await dialog.getByRole("button", { name: "Create API key" }).click();
  const shown = page.getByRole("dialog", { name: "Your new API key" });
  const key =
    /latchkey_pat_[0-9a-f]{24}_[0-9A-Za-z]{27}_[0-9A-Za-z]{6}/.exec((await shown.textContent()) ?? "")?.[0] ?? "";
  await shown.getByRole("button", { name: "Done" }).click();
  const row = page.getByRole("listitem").filter({ hasText: name });
  await expect(row).toContainText("May only workspaces.auth_secret.get");
  await expect(row).toContainText("Only from 127.0.0.0/8, ::1");
  const limited = apiOf(server.url, ACCOUNT.email, key);
  expect(Array.isArray((await limited("GET", `/v2/workspaces/${workspaceId}/secrets`)).data)).toBe(true);
  await expect(limited("GET", `/v2/workspaces/${workspaceId}/task-identities`)).rejects.toThrow("403");
});

test("who runs the tenant sees where people are signed in, and signs them out", async ({
  console: page,
  server,
  browser,
}) => {
  const elsewhere = await browser.newContext();
  const other = await elsewhere.newPage();
  await signIn(other, server.url);
  await page.goto("/people");
  await page
    .getByRole("button", { name: /^Sessions of/ })
    .first()
    .click();
  const dialog = page.getByRole("dialog", { name: /^Sessions of/ });
  await expect(dialog.getByText("This one")).toBeVisible();
  await expect(dialog.getByRole("button", { name: /^End session/ }).first()).toBeVisible();
  await dialog.getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(dialog.getByRole("button", { name: /^End session/ })).toHaveCount(0);
  await expect(dialog.getByText("This one")).toBeVisible();
  await expect.poll(async () => (await other.request.get(`${server.url}/v2/users/me`)).status()).toBe(401);
  await elsewhere.close();
});
