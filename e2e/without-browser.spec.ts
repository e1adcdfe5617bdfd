import { expect, pictures, rowOf, test, unique } from "./fixtures";

/** A client that asks for itself: nobody signs in anywhere, and nothing on the way asks anybody to. */
test("client credentials: from +Add New Client to a token, without leaving the console", async ({
  console: page,
  provider,
  workspaceId,
  api,
}) => {
  const [clientName, name] = [unique("Machine client"), unique("Machine")];
  const { clientId, clientSecret } = await provider.registerForItself();
  await page
    .getByRole("link", { name: /Add secret/ })
    .first()
    .click();
  await page.getByLabel("Name", { exact: true }).fill(name);

  await page.getByRole("combobox", { name: "Choose Auth Client" }).click();
  await page.getByRole("option", { name: "+Add New Client" }).click();
  const dialog = page.getByRole("dialog", { name: "Add New Client" });
  await dialog.getByRole("radio", { name: /The client asks for itself/ }).check();
  await expect(dialog.getByRole("textbox", { name: "Authorization endpoint" })).toBeHidden();
  await dialog.getByLabel("Name", { exact: true }).fill(clientName);
  await dialog.getByLabel("Issuer URL").fill(provider.issuer);
  await dialog.getByRole("button", { name: "Look up" }).click();
  await expect(dialog.getByRole("textbox", { name: "Token endpoint" })).toHaveValue(`${provider.issuer}/token`);
  await dialog.getByRole("button", { name: "Save client" }).click();
  await expect(dialog.getByText(/Enter the client secret: without a browser/)).toBeVisible();
  await dialog.getByLabel("Client ID").fill(clientId);
  await dialog.getByLabel("Client secret").fill(clientSecret);
  await dialog.getByRole("button", { name: "Save client" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText("Nobody has to sign in anywhere")).toBeVisible();
  await expect(page.getByText("Redirect URI")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Save and authorize" })).toHaveCount(0);

  const typed = page.getByRole("region", { name: "Test" });
  await typed.getByRole("button", { name: "Test request" }).click();
  await expect(typed.getByText("It was thrown away: nothing is saved yet.")).toBeVisible();
  await expect(typed.getByText(`POST ${provider.issuer}/token`)).toBeVisible();
  await expect(typed).not.toContainText(clientSecret);
  await pictures(page, "test-typed-token");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForURL(/\/secrets$/);
  await expect(rowOf(page, name)).toContainText(/Fresh|Refreshing/);

  await rowOf(page, name).getByRole("link", { name }).click();
  const drawer = page.getByRole("dialog", { name });
  await expect(drawer.getByText(/Access token valid for/)).toBeVisible();
  await expect(drawer.getByText("Refresh token")).toHaveCount(0);
  await expect(drawer.getByText("Request access token")).toHaveCount(0);
  const list = (await api("GET", `/v2/workspaces/${workspaceId}/secrets`)).data;
  const before = list.find((one: { attributes: { name: string } }) => one.attributes.name === name);
  // Whoever asks within two seconds of a token's arrival is given that one, and this story may be as quick: then once more.
  await expect(async () => {
    await drawer.getByRole("button", { name: "Get token", exact: true }).click();
    await expect
      .poll(
        async () => (await api("GET", `/v2/workspaces/${workspaceId}/secrets/${before.id}`)).data.attributes.generation,
        { timeout: 2_500 },
      )
      .toBeGreaterThan(before.attributes.generation);
  }).toPass({ timeout: 20_000 });

  const test = drawer.getByRole("region", { name: "Test" });
  await test.getByRole("button", { name: "Test request" }).click();
  await expect(test.getByText("The provider gave a token.")).toBeVisible();
  await expect(test.getByText(`POST ${provider.issuer}/token`)).toBeVisible();
  await expect(test.getByText(/"access_token": "••••••••"/)).toBeVisible();
  await expect(test).not.toContainText(clientSecret);
});
