import { expect, test, unique } from "./fixtures";

/** Where a secret may be sent: chosen in its form, complained about there, shown as a fact, changed again. */
test("Allowed hosts: added with the secret, refused in words, shown and changed", async ({ console: page }) => {
  const name = unique("Hosts");
  await page
    .getByRole("link", { name: /Add secret/ })
    .first()
    .click();
  await page.getByRole("radio", { name: /API key/ }).check();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("textbox", { name: "Header name" }).fill("X-API-Key");
  await page.getByLabel("Key", { exact: true }).fill("abc-123-def");
  const hosts = page.getByRole("textbox", { name: "Allowed hosts" });
  await hosts.fill("*.co.uk");
  await hosts.press("Enter");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/"\*\.co\.uk" must not have \* before co\.uk/)).toBeVisible();
  await page.getByRole("button", { name: /\*\.co\.uk/ }).click();
  await hosts.fill("API.example.com");
  await hosts.press("Enter");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForURL(/\/secrets$/);

  await page.getByRole("link", { name }).click();
  const drawer = page.getByRole("dialog");
  await expect(drawer.getByText("api.example.com", { exact: true })).toBeVisible();
  await drawer.getByRole("link", { name: "Edit" }).click();
  const field = page.getByRole("textbox", { name: "Allowed hosts" });
  await field.fill("*.example.org");
  await field.press("Enter");
  // Methods go on with the host after them, whatever stands between.
  await field.pressSequentially("get, post api.example.net/v1/../x ");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/"GET,POST api\.example\.net\/v1\/\.\.\/x" must have a path/)).toBeVisible();
  await page.getByRole("button", { name: "Remove GET,POST api.example.net/v1/../x" }).click();
  await field.pressSequentially("GET,POST api.example.net/v1/ ");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(
    page
      .getByRole("dialog")
      .getByText("api.example.com, *.example.org, GET api.example.net/v1/, POST api.example.net/v1/"),
  ).toBeVisible();
});
