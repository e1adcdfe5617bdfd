import { expect, signIn, test } from "./fixtures";
import { startLatchkey } from "./processes";

/** lib/http/promise-hooks.ts: what Next needs while it answers costs nobody anything afterwards, and pages never notice. */
test("promise hooks are off whenever Next answers nothing, and pages work all the same", async ({ page, browser }) => {
  test.setTimeout(180_000);
  const server = await startLatchkey({
    account: true,
    env: { NODE_OPTIONS: `--import=${new URL("promise-hooks-probe.mjs", import.meta.url).href}` },
  });
  try {
    const states = () => [...server.output().matchAll(/^promise hooks (on|off)$/gm)].map((match) => match[1]);
    // An answer whose client has gone keeps them on for ten seconds more.
    const off = () => expect.poll(() => states().at(-1), { timeout: 40_000 }).toBe("off");
    await off();
    const before = states().length;
    await signIn(page, server.url);
    await page.getByRole("link", { name: "Auth clients" }).first().click();
    await expect(page.getByRole("heading", { name: "Auth clients", level: 1 })).toBeVisible();
    expect(states().length).toBeGreaterThan(before);
    await off(); // The open page listens for changes all the while.
    const others = await Promise.all(Array.from({ length: 4 }, () => browser.newPage()));
    await Promise.all(others.map((other) => other.goto(`${server.url}/sign-in`)));
    for (const other of others) await expect(other.getByLabel("Password", { exact: true })).toBeVisible();
    await Promise.all(others.map((other) => other.close()));
    await off();
    expect(server.output()).not.toMatch(/page_failed|outside a request scope|Invariant/);
  } finally {
    await server.stop();
  }
});
