import { request } from "@playwright/test";
import { expect, signIn, test } from "./fixtures";
import { ACCOUNT, type Latchkey, startLatchkey } from "./processes";

/** Signing in and out, and the link for a forgotten password. A server of its own: it changes the account's password. */

let own: Latchkey;
test.beforeAll(async () => {
  own = await startLatchkey({ account: true });
});
test.afterAll(async () => {
  await own?.stop();
});

test("a wrong password says so and lets nobody in", async ({ page }) => {
  await page.goto(`${own.url}/account`);
  await expect(page).toHaveURL(/\/sign-in/);
  await page.getByLabel("Email").fill(ACCOUNT.email);
  await page.getByLabel("Password", { exact: true }).fill("not the password at all");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText(/wrong|do not (match|fit)|does not/i).first()).toBeVisible();
  await expect(page).toHaveURL(/\/sign-in/);
  expect((await page.request.get(`${own.url}/v2/users/me`)).status()).toBe(401);
});

test("the session's cookie is HttpOnly and SameSite=Lax, holds no secret, and is dead after signing out", async ({
  page,
  context,
}) => {
  await signIn(page, own.url);
  const cookies = await context.cookies(own.url);
  const session = cookies.find((cookie) => cookie.name === "latchkey.session");
  expect(session).toMatchObject({ httpOnly: true, sameSite: "Lax", path: "/", secure: false });
  for (const cookie of cookies) expect(cookie.httpOnly, cookie.name).toBe(true);
  const stolen = await request.newContext({ extraHTTPHeaders: { cookie: `latchkey.session=${session?.value}` } });
  expect((await stolen.get(`${own.url}/v2/users/me`)).status()).toBe(200);

  await page.goto(`${own.url}/account`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/sign-in/);
  expect((await context.cookies(own.url)).find((cookie) => cookie.name === "latchkey.session")).toBeUndefined();
  await expect.poll(async () => (await stolen.get(`${own.url}/v2/users/me`)).status(), { timeout: 6_000 }).toBe(401);
  await stolen.dispose();
  await page.goBack();
  await expect(page).toHaveURL(/\/sign-in/);
});

test("after signing in one is where one wanted to be", async ({ page }) => {
  await page.goto(`${own.url}/account`);
  await page.getByLabel("Email").fill(ACCOUNT.email);
  await page.getByLabel("Password", { exact: true }).fill(ACCOUNT.password);
  await page.getByLabel("Password", { exact: true }).press("Enter");
  await page.waitForURL(`${own.url}/account`);
  await expect(page.getByRole("heading", { name: "Account", level: 1 })).toBeVisible();
});

test("a sign-in never leads to a foreign address", async ({ page }) => {
  for (const from of [
    "https://evil.example/",
    "//evil.example",
    "/.//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
  ]) {
    await page.context().clearCookies();
    await page.goto(`${own.url}/sign-in?from=${encodeURIComponent(from)}&callbackUrl=${encodeURIComponent(from)}`);
    await page.getByLabel("Email").fill(ACCOUNT.email);
    await page.getByLabel("Password", { exact: true }).fill(ACCOUNT.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL((to) => !to.pathname.startsWith("/sign-in"));
    expect(new URL(page.url()).origin).toBe(own.url);
  }
});

test("a reset link sets a new password once and ends every session", async ({ page, browser }) => {
  await signIn(page, own.url);
  const printed = await own.run("reset-password", ACCOUNT.email);
  const link = /(http:\/\/\S+\/setup#\S+)/.exec(printed)?.[1] ?? "";
  expect(link).toContain(`${own.url}/setup#`);

  const other = await browser.newContext();
  const forgetful = await other.newPage();
  await forgetful.goto(link);
  await forgetful.getByLabel("New password", { exact: true }).fill("an entirely new password 7");
  await forgetful.getByRole("button", { name: "Save password and sign in" }).click();
  await forgetful.waitForURL(/\/workspaces\//);
  await expect
    .poll(async () => (await page.request.get(`${own.url}/v2/users/me`)).status(), { timeout: 6_000 })
    .toBe(401);

  await other.clearCookies();
  await forgetful.goto(`${own.url}/sign-in`);
  await forgetful.goto(link);
  await expect(forgetful.getByRole("heading", { name: "This link is no longer valid" })).toBeVisible();
  await signIn(forgetful, own.url, { ...ACCOUNT, password: "an entirely new password 7" });
  await other.close();
});
