import { expect, makeClient, makeSecret, rowOf, test, unique } from "./fixtures";

/** Adding, finding, renaming and deleting secrets of the types that need no provider. */

test("Basic auth: errors at their field, then saved, and read by a step", async ({
  console: page,
  api,
  workspaceId,
}) => {
  const name = unique("Basic");
  await page
    .getByRole("link", { name: /Add secret/ })
    .first()
    .click();
  await page.getByRole("radio", { name: /Basic auth/ }).check();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByText("Give the secret a name.")).toBeVisible();
  await expect(page.getByText("Enter the user name.")).toBeVisible();

  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("textbox", { name: "User name" }).fill("with:colon");
  await page.getByLabel("Password", { exact: true }).fill("pass word ü");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/must not contain a colon/)).toBeVisible();
  await expect(page.getByRole("textbox", { name: "User name" })).toHaveAttribute("aria-invalid", "true");
  await page.getByRole("textbox", { name: "User name" }).fill("ada");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForURL(/\/secrets$/);
  await expect(rowOf(page, name)).toContainText("Static");

  const list = (await api("GET", `/v2/workspaces/${workspaceId}/secrets`)).data;
  const made = list.find((one: { attributes: { name: string } }) => one.attributes.name === name);
  expect(made.attributes.credentials).toEqual({ username: "ada", password: "pass word ü" });
});

test("API key, with the header name checked; No auth needs nothing", async ({ console: page }) => {
  const key = unique("Key");
  await page
    .getByRole("link", { name: /Add secret/ })
    .first()
    .click();
  await page.getByRole("radio", { name: /API key/ }).check();
  await page.getByLabel("Name", { exact: true }).fill(key);
  await page.getByRole("textbox", { name: "Header name" }).fill("not a header");
  await page.getByLabel("Key", { exact: true }).fill("abc123");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/must be an HTTP header name/)).toBeVisible();
  await page.getByRole("textbox", { name: "Header name" }).fill("X-API-Key");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForURL(/\/secrets$/);
  await expect(rowOf(page, key)).toContainText("API key");

  const none = unique("None");
  await page
    .getByRole("link", { name: /Add secret/ })
    .first()
    .click();
  await page.getByRole("radio", { name: /No auth/ }).check();
  await page.getByLabel("Name", { exact: true }).fill(none);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForURL(/\/secrets$/);
  await expect(rowOf(page, none)).toBeVisible();
});

test("HTTP headers: pasted whole, checked while typing, shown by name; a password is generated", async ({
  console: page,
  api,
  workspaceId,
}) => {
  // Two forms, a drawer and an edit in one story.
  test.setTimeout(150_000);
  const name = unique("Headers");
  await page
    .getByRole("link", { name: /Add secret/ })
    .first()
    .click();
  await page.getByRole("radio", { name: /HTTP headers/ }).check();
  await page.getByLabel("Name", { exact: true }).fill(name);
  // A paste, as the clipboard gives it.
  await page.getByLabel("Header 1 name").evaluate((input) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text", "X-API-Key: a:b, c\nX-Tenant: 42\nHost: evil.example.com");
    input.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  });
  await expect(page.getByLabel("Header 3 name")).toHaveValue("Host");
  await expect(page.getByLabel("Header 1 value")).toHaveAttribute("type", "password");
  await expect(page.getByText(/Host is a header of the connection itself/)).toBeVisible();
  await page.getByRole("button", { name: "Remove Host" }).click();
  await expect(page.getByText(/Host is a header of the connection itself/)).toBeHidden();
  await page.getByRole("button", { name: "Show values while typing" }).click();
  await expect(page.getByLabel("Header 1 value")).toHaveAttribute("type", "text");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForURL(/\/secrets$/);

  await page.getByRole("link", { name }).click();
  const drawer = page.getByRole("dialog", { name });
  await drawer.getByRole("button", { name: "Reveal x-tenant. This is recorded" }).click();
  await expect(drawer.getByText("42", { exact: true })).toBeVisible();
  await expect(drawer.getByText("a:b, c")).toBeHidden();
  await drawer.getByRole("link", { name: "Edit" }).click();
  await page.getByRole("button", { name: "Replace" }).click();
  await expect(page.getByLabel("Header 2 name")).toHaveValue("X-Tenant");
  await page.getByLabel("Header 1 value").fill("one");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/X-Tenant must not be empty/)).toBeVisible();
  await page.getByLabel("Header 2 value").fill("two");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(drawer).toBeVisible();
  const list = async () => (await api("GET", `/v2/workspaces/${workspaceId}/secrets`)).data;
  const named = async (wanted: string) =>
    (await list()).find((one: { attributes: { name: string } }) => one.attributes.name === wanted);
  expect((await named(name)).attributes.credentials).toEqual({ headers: { "X-API-Key": "one", "X-Tenant": "two" } });

  const one = unique("Password");
  await page.goto(`/workspaces/${workspaceId}/secrets/new`);
  await page.getByRole("radio", { name: /^Password/ }).check();
  await page.getByLabel("Name", { exact: true }).fill(one);
  await page.getByRole("button", { name: "Generate password" }).click();
  await expect(page.getByLabel("Password", { exact: true })).toHaveValue(/^[\w-]{24}$/);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForURL(/\/secrets$/);
  expect((await named(one)).attributes.credentials.password).toMatch(/^[\w-]{24}$/);
});

test("a key pair: refused while it is weak, generated, rotated and retired; its claims change without the key", async ({
  console: page,
  api,
  workspaceId,
}) => {
  const name = unique("Pair");
  await page
    .getByRole("link", { name: /Add secret/ })
    .first()
    .click();
  await page.getByRole("radio", { name: /RS256/ }).check();
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel(/^Private key/).fill("-----BEGIN PUBLIC KEY-----");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText(/is only the public half/)).toBeVisible();
  await page.getByLabel(/^Private key/).fill("");
  await page.getByLabel(/^Size of a new pair/).selectOption({ label: "2048 bits" });
  await page.getByLabel(/^Lifetime of signed tokens/).fill("soon");
  await expect(page.getByText(/must be a number of seconds/)).toBeVisible();
  await page.getByLabel(/^Lifetime of signed tokens/).fill("120");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForURL(/\/secrets$/);

  await page.getByRole("link", { name }).click();
  const drawer = page.getByRole("dialog", { name });
  const keys = drawer.getByRole("region", { name: "Public keys" });
  await expect(keys.getByText("Current", { exact: true })).toBeVisible();
  const download = page.waitForEvent("download");
  await keys.getByRole("button", { name: /^Download PEM/ }).click();
  expect((await download).suggestedFilename()).toMatch(/^[\w-]{43}\.pem$/);
  await keys.getByRole("button", { name: "Rotate…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Rotate key" }).click();
  await expect(keys.getByText("Earlier", { exact: true })).toBeVisible({ timeout: 30_000 });
  await keys.getByRole("button", { name: /^Retire/ }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Retire key" }).click();
  await expect(keys.getByText("Earlier", { exact: true })).toBeHidden();

  await drawer.getByRole("link", { name: "Edit" }).click();
  await page.getByRole("button", { name: "Change" }).click();
  await expect(page.getByLabel(/^Lifetime of signed tokens/)).toHaveValue("120");
  await page.getByLabel(/^Issuer/).fill("https://us.example.com");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(drawer.getByText("https://us.example.com")).toBeVisible();
  const made = (await api("GET", `/v2/workspaces/${workspaceId}/secrets`)).data.find(
    (one: { attributes: { name: string } }) => one.attributes.name === name,
  );
  expect(made.attributes.credentials).toMatchObject({ use: "sign", lifetime: 120, issuer: "https://us.example.com" });
});

test("a name that is taken is said at the name, and nothing typed is lost", async ({
  console: page,
  api,
  workspaceId,
}) => {
  const name = unique("Taken");
  await makeSecret({ api, workspaceId }, { name, type: "basic", credentials: { username: "u", password: "p" } });
  await page
    .getByRole("link", { name: /Add secret/ })
    .first()
    .click();
  await page.getByRole("radio", { name: /Basic auth/ }).check();
  await page.getByLabel("Name", { exact: true }).fill(name.toUpperCase());
  await page.getByRole("textbox", { name: "User name" }).fill("kept");
  await page.getByLabel("Password", { exact: true }).fill("kept too");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByRole("textbox", { name: "User name" })).toHaveValue("kept");
  await expect(page.getByLabel("Password", { exact: true })).toHaveValue("kept too");
});

test("search, filter and keyboard", async ({ console: page, api, provider, workspaceId }) => {
  const apple = unique("Apple");
  const banana = unique("Banana");
  const client = await makeClient({ api, provider, workspaceId }, banana);
  await makeSecret({ api, workspaceId }, { name: apple, type: "basic", credentials: { username: "u", password: "p" } });
  await makeSecret({ api, workspaceId }, { name: banana, credentials: {} }, client.id);
  await expect(rowOf(page, banana)).toBeVisible();

  await page.keyboard.press("/");
  await expect(page.getByLabel("Search secrets")).toBeFocused();
  await page.keyboard.type(apple);
  await expect(rowOf(page, apple)).toBeVisible();
  await expect(rowOf(page, banana)).toBeHidden();
  await page.getByLabel("Search secrets").fill("nothing is called this");
  await expect(page.getByText("Nothing matches")).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).click();

  await page.getByRole("button", { name: /Needs a person/ }).click();
  await expect(rowOf(page, banana)).toContainText("Needs authorization");
  await expect(rowOf(page, apple)).toBeHidden();
  await page.getByRole("button", { name: /^All/ }).click();

  await page.getByLabel("Search secrets").fill(apple);
  await expect(rowOf(page, banana)).toBeHidden();
  await page.getByLabel("Search secrets").press("ArrowDown");
  await expect(page.getByRole("link", { name: apple })).toBeFocused();
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("dialog", { name: apple });
  await expect(drawer).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(drawer).toBeHidden();

  await page.goto(`/workspaces/${workspaceId}/secrets`);
  await expect(page.getByRole("link", { name: /Add secret/ })).toBeVisible();
  await page.keyboard.press("n");
  await expect(page).toHaveURL(/\/secrets\/new$/);
});

test("a change made elsewhere appears by itself", async ({ console: page, api, workspaceId }) => {
  const name = unique("Elsewhere");
  await expect(page.getByRole("heading", { name: "Secrets", level: 1 })).toBeVisible();
  await makeSecret({ api, workspaceId }, { name, type: "basic", credentials: { username: "u", password: "p" } });
  await expect(rowOf(page, name)).toBeVisible({ timeout: 8_000 });
});

test("rename, look at a value, and delete after a question that names it", async ({
  console: page,
  api,
  workspaceId,
}) => {
  const name = unique("Old name");
  const renamed = unique("New name");
  const id = await makeSecret(
    { api, workspaceId },
    { name, type: "basic", credentials: { username: "ada", password: "shown on demand" } },
  );
  await rowOf(page, name)
    .getByRole("button", { name: `More for ${name}` })
    .click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  const dialog = page.getByRole("dialog", { name: "Rename secret" });
  await dialog.getByLabel("Name").fill(renamed);
  await dialog.getByRole("button", { name: "Rename" }).click();
  await expect(rowOf(page, renamed)).toBeVisible();

  await page.getByRole("link", { name: renamed }).click();
  const drawer = page.getByRole("dialog", { name: renamed });
  await expect(drawer.getByText("shown on demand")).toBeHidden();
  await drawer.getByRole("button", { name: "Reveal password. This is recorded" }).click();
  await expect(drawer.getByText("shown on demand")).toBeVisible();
  await drawer.getByRole("button", { name: "Hide password" }).click();
  await expect(drawer.getByText("shown on demand")).toBeHidden();
  await page.keyboard.press("Escape");

  const activity = await api("GET", `/v2/workspaces/${workspaceId}/activity?filter[secret]=${id}`);
  const actions = activity.data.map((one: { attributes: { action: string } }) => one.attributes.action);
  expect(actions).toContain("secret.revealed");

  await rowOf(page, renamed)
    .getByRole("button", { name: `More for ${renamed}` })
    .click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  const question = page.getByRole("alertdialog");
  await expect(question).toContainText(`Delete “${renamed}”?`);
  await question.getByRole("button", { name: "Cancel" }).click();
  await expect(rowOf(page, renamed)).toBeVisible();
  await rowOf(page, renamed)
    .getByRole("button", { name: `More for ${renamed}` })
    .click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete secret" }).click();
  await expect(rowOf(page, renamed)).toBeHidden();
});

test("what is never shown to people offers no Reveal: by the secret's own setting, and by its tenant's", async ({
  console: page,
  api,
  workspaceId,
}) => {
  const [own, tenants] = [unique("Own never"), unique("Tenant never")];
  const values = { type: "basic", credentials: { username: "ada", password: "not for people" } };
  const id = await makeSecret({ api, workspaceId }, { name: own, ...values });
  const other = await makeSecret({ api, workspaceId }, { name: tenants, ...values });
  const reveals = page.getByRole("button", { name: /^(Reveal|Copy) password/ });

  await page.goto(`/workspaces/${workspaceId}/secrets/${id}/edit`);
  await page.getByLabel("Show values to people").selectOption({ label: "Never" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const drawer = page.getByRole("dialog", { name: own });
  await expect(drawer.getByText("Never shown to people.")).toBeVisible();
  await expect(reveals).toHaveCount(0);

  await page.goto(`/workspaces/${workspaceId}/settings`);
  const card = page.getByRole("form", { name: "Tenant" });
  const policy = card.getByLabel("Show values to people");
  try {
    await policy.selectOption({ label: "Never" });
    await card.getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("Values are never shown to people now.", { exact: true })).toBeVisible();
    await page.goto(`/workspaces/${workspaceId}/secrets?manage=${other}`);
    await expect(page.getByText("The tenant never shows values to people.")).toBeVisible();
    await expect(reveals).toHaveCount(0);
  } finally {
    // The account is every story's.
    const [tenant] = (await api("GET", "/v2/tenants")).data;
    await api("PATCH", `/v2/tenants/${tenant.id}`, { data: { type: "tenant", attributes: { reveal: "step_up" } } });
  }
});

test("leaving a half-filled form asks first", async ({ console: page }) => {
  await page
    .getByRole("link", { name: /Add secret/ })
    .first()
    .click();
  await page.getByLabel("Name", { exact: true }).fill("half");
  await page.getByRole("link", { name: "Cancel" }).click();
  await expect(page.getByRole("alertdialog")).toBeVisible();
});

test("A save that did not arrive says so in sight of who pressed it, and nothing typed is lost", async ({
  console: page,
  workspaceId,
}) => {
  await page.setViewportSize({ width: 390, height: 600 });
  await page.goto(`/workspaces/${workspaceId}/secrets/new`);
  await page.getByRole("radio", { name: /MySQL/ }).check();
  const typed = { Name: unique("Kept"), Host: "db.example.com", Database: "shop", Password: "pw" };
  for (const [label, text] of Object.entries(typed)) await page.getByLabel(label, { exact: true }).fill(text);
  await page.getByRole("textbox", { name: "User", exact: true }).fill("ann");
  await page.route("**/secrets", (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("It was not saved.")).toBeInViewport();
  for (const [label, text] of Object.entries(typed))
    await expect(page.getByLabel(label, { exact: true })).toHaveValue(text);
});

test("Enter in a picker whose list is still on its way adds nothing new", async ({
  console: page,
  api,
  provider,
  workspaceId,
}) => {
  const client = await makeClient({ api, provider, workspaceId }, unique("Slow"));
  let arrive = () => {};
  const held = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  await page.route("**/v2/auth-clients?**", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`/workspaces/${workspaceId}/secrets/new`);
  await page.getByRole("combobox", { name: "Choose Auth Client" }).click();
  await page.getByRole("searchbox", { name: "Search clients" }).fill(client.name);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: /Add New Client/ })).toHaveCount(0);
  arrive();
  await expect(page.getByRole("option", { name: client.name })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("combobox", { name: "Choose Auth Client" })).toContainText(client.name);
});
