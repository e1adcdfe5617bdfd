import { expect, makeSecret, test, unique } from "./fixtures";
import { ACCOUNT } from "./processes";

/** What an operator and an owner ask after something went wrong (AU-6, SS-4). */

test("who used this secret, when and how: one step from its tokens", async ({ console: page, api, workspaceId }) => {
  const mine = unique("Asked about");
  const other = unique("Not asked about");
  const id = await makeSecret(
    { api, workspaceId },
    { name: mine, type: "basic", credentials: { username: "u", password: "p" } },
  );
  const otherId = await makeSecret(
    { api, workspaceId },
    { name: other, type: "basic", credentials: { username: "u", password: "p" } },
  );
  for (const secret of [id, otherId]) await api("GET", `/v2/workspaces/${workspaceId}/secrets/${secret}`);
  await page.goto(`/workspaces/${workspaceId}/secrets?manage=${id}`);
  await page.getByRole("link", { name: "Who used this" }).click();

  await page.waitForURL(`**/workspaces/${workspaceId}/activity?secret=${id}`);
  const read = page.getByRole("row").filter({ hasText: "Read" }).filter({ hasText: mine });
  await expect(read).toContainText("with an API key");
  await expect(read).toContainText("127.0.0.1");
  await expect(read.locator("time, [title]").first()).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: other })).toHaveCount(0);
});

test("the operator sees how the instance is set up, the allow-list above all", async ({ console: page, provider }) => {
  await page.getByRole("link", { name: "Instance" }).first().click();
  await page.waitForURL("**/instance");
  await expect(page.getByText(new URL(provider.issuer).host)).toBeVisible();
  await expect(page.getByText("LATCHKEY_BOOTSTRAP_* are still there")).toBeVisible();
  await expect(page.getByText(/embedded/)).toBeVisible();
  await expect(page.getByText(ACCOUNT.password)).toHaveCount(0);
  const shots = process.env.LATCHKEY_SHOTS;
  if (!shots) return;
  for (const scheme of ["light", "dark"] as const)
    for (const width of [1440, 390]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 1100 });
      await page.screenshot({ path: `${shots}/instance-${scheme}-${width}.png`, fullPage: true });
    }
});
