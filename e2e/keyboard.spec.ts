import { expect, makeSecret, rowOf, test, unique } from "./fixtures";

/** The console without a mouse: what arrows, Enter and Escape do, where the focus goes, and where it comes back to. */

test("a row's menu keeps the arrow keys to itself, and the dialog it opens gives the focus back to its button", async ({
  console: page,
  api,
  workspaceId,
}) => {
  const [one, other] = [unique("Aa"), unique("Bb")];
  for (const name of [one, other])
    await makeSecret({ api, workspaceId }, { name, type: "basic", credentials: { username: "u", password: "p" } });
  await expect(rowOf(page, other)).toBeVisible();
  const more = page.getByRole("button", { name: `More for ${one}` });
  await more.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Manage values" })).toBeFocused();
  // To the last entry. The list around knows the same key, and used to take the focus to its last row.
  await page.keyboard.press("End");
  await expect(page.getByRole("menuitem", { name: /Delete/ })).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(page.getByRole("menuitem", { name: "Rename" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog").getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(more).toBeFocused();
});

test("arrows walk the rows, Enter opens one, Escape closes it and comes back to its row", async ({
  console: page,
  api,
  workspaceId,
}) => {
  const name = unique("Walked");
  await makeSecret({ api, workspaceId }, { name, type: "noauth", credentials: {} });
  const link = page.getByRole("link", { name, exact: true });
  await expect(link).toBeVisible();
  await page.keyboard.press("/");
  await expect(page.getByRole("searchbox", { name: "Search secrets" })).toBeFocused();
  await page.keyboard.type(name);
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.keyboard.press("ArrowDown");
  await expect(link).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(link).toBeFocused();
});

test("on a narrow screen a small dialog is a sheet from edge to edge", async ({ console: page, api, workspaceId }) => {
  const name = unique("Sheet");
  await makeSecret({ api, workspaceId }, { name, type: "noauth", credentials: {} });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("button", { name: `More for ${name}` }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  const box = await page.getByRole("dialog").boundingBox();
  expect([box?.x, box?.width]).toEqual([0, 390]);
});
