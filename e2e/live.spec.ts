import { expect, makeSecret, rowOf, signIn, test, unique } from "./fixtures";

/** The list changes by itself: nothing that happens while the page is still opening is missed. */

/** A door that stays shut until it is opened. */
function door(): { passed: Promise<void>; open: () => void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

test("a secret added before the stream of changes is open appears", async ({ page, server, api, workspaceId }) => {
  await signIn(page, server.url);
  const made = door();
  await page.route(/\/events$/, async (route) => {
    await made.passed;
    await route.continue();
  });
  await page.goto(`/workspaces/${workspaceId}/secrets`);
  await expect(page.getByRole("heading", { name: "Secrets", level: 1 })).toBeVisible();
  await expect(page.getByRole("row").or(page.getByText("No secrets yet")).first()).toBeVisible();
  const name = unique("Meanwhile");
  await makeSecret({ api, workspaceId }, { name, type: "noauth", credentials: {} });
  await expect(rowOf(page, name)).toHaveCount(0);
  made.open();
  await expect(rowOf(page, name)).toBeVisible();
});

test("a secret added while the first list is on its way appears", async ({ page, server, api, workspaceId }) => {
  await signIn(page, server.url);
  const made = door();
  const read = door();
  await page.route(
    /\/secrets\?.*size%5D=100&/,
    async (route) => {
      const before = await route.fetch();
      read.open();
      await made.passed;
      await route.fulfill({ response: before });
    },
    { times: 1 },
  );
  const opened = page.waitForResponse(/\/events$/);
  await page.goto(`/workspaces/${workspaceId}/secrets`);
  await Promise.all([opened, read.passed]);
  const name = unique("Late");
  const id = await makeSecret({ api, workspaceId }, { name, type: "noauth", credentials: {} });
  await page.waitForResponse((response) => response.url().endsWith(`/secrets/${id}`));
  // Longer than the page gathers changes before it reads the list again.
  await page.waitForTimeout(2_000);
  made.open();
  await expect(rowOf(page, name)).toBeVisible();
});

test("what could not be loaded says so, and does not come and go while nothing answers", async ({
  page,
  server,
  workspaceId,
}) => {
  await signIn(page, server.url);
  // The way there after signing in is a request that would be cut off, too, and Next then loads the page by itself.
  await page.waitForURL(/\/secrets$/);
  await page.clock.install();
  let asked = 0;
  await page.route(/\/events$/, (route) => route.abort());
  await page.route(/\/secrets\?/, (route) => {
    asked += 1;
    return route.abort();
  });
  await page.goto(`/workspaces/${workspaceId}/secrets`);
  const said = page.getByText("The secrets could not be loaded.");
  await expect(async () => {
    await page.clock.fastForward(1_000);
    await expect(said).toBeVisible({ timeout: 100 });
  }).toPass();
  const before = asked;
  // Longer than several rounds of asking for what is known; the last line waits for whatever was asked meanwhile.
  await page.clock.fastForward(20_000);
  await page.evaluate(() => fetch("/healthz"));
  expect(asked).toBe(before);
  await expect(said).toBeVisible();
});
