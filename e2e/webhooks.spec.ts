import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { test as base, expect, signIn } from "./fixtures";
import { ACCOUNT, type Latchkey, startLatchkey } from "./processes";

/**
 * Being told: a webhook is added, its signing secret copied, a test sent to a real receiver and verified there; a receiver that refuses is
 * seen as such; a message is delivered again.
 */
interface Arrived {
  headers: IncomingMessage["headers"];
  body: string;
}
interface World {
  server: Latchkey;
  receiver: Receiver;
}
class Receiver {
  readonly arrived: Arrived[] = [];
  status = 204;
  url = "";
  readonly #server: Server = createServer(async (request, response) => this.#take(request, response));

  async start(): Promise<this> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
    return this;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.arrived.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(this.status).end();
  }

  verify(signing: string, at: number): unknown {
    const { headers, body } = this.arrived[at] as Arrived;
    return new Webhook(signing).verify(body, headers as Record<string, string>);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const test = base.extend<object, { world: World }>({
  world: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures from the pattern
    async ({}, use) => {
      const receiver = await new Receiver().start();
      const server = await startLatchkey({
        account: true,
        env: { LATCHKEY_EGRESS_ALLOW: new URL(receiver.url).host },
      });
      await use({ server, receiver });
      await server.stop();
      receiver.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],
});

test("Webhooks: added, tested, verified, refused, changed, deleted", async ({ page, world }) => {
  const { server, receiver } = world;
  await signIn(page, server.url, ACCOUNT);
  await page.getByRole("link", { name: "Webhooks", exact: true }).click();
  await expect(page.getByRole("heading", { name: "No webhooks yet" })).toBeVisible();

  // What is wrong is said at its field.
  await page.getByRole("button", { name: /Add webhook/ }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Add webhook" }).click();
  await expect(dialog.getByText("Give it the name of who is told.")).toBeVisible();
  await dialog.getByLabel("Name", { exact: true }).fill("On-call");
  await dialog.getByLabel("Address").fill("https://169.254.169.254/latest");
  await dialog.getByRole("button", { name: "Add webhook" }).click();
  await expect(dialog.getByText(/Leads to an address that is not allowed/)).toBeVisible();
  await dialog.getByLabel("Address").fill(receiver.url);
  await dialog.getByRole("button", { name: "Add webhook" }).click();

  // Shown once.
  const once = page.getByRole("dialog", { name: "The signing secret" });
  const signing = (await once.locator(".copy-text").innerText()).replace(/\s/gu, "");
  expect(signing).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/u);
  await once.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("heading", { name: "On-call", level: 1 })).toBeVisible();
  await expect(page.getByText("Nothing sent yet").first()).toBeVisible();
  await expect(page.locator("main")).not.toContainText(signing);

  await page.getByRole("button", { name: "Send test" }).click();
  await expect(page.getByText(/The test arrived: the receiver answered 204/)).toBeVisible();
  expect(receiver.verify(signing, 0)).toMatchObject({ type: "webhook.test" });
  const row = page.getByRole("listitem").filter({ hasText: "webhook.test" });
  await expect(row.getByText("Delivered")).toBeVisible();

  receiver.status = 500;
  await page.getByRole("button", { name: "Send test" }).click();
  await expect(
    page.getByText("The receiver answered 500. Any 2xx means that it has the message.").first(),
  ).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "webhook.test" })).toHaveCount(2);
  receiver.status = 204;

  // Another address is another receiver, with a signing secret of its own.
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await dialog.getByLabel("Address").fill(`${receiver.url}/elsewhere`);
  await expect(dialog.getByText(/Another address is another receiver/)).toBeVisible();
  await dialog.getByRole("button", { name: "Save" }).click();
  const second = (await once.locator(".copy-text").innerText()).replace(/\s/gu, "");
  expect(second).not.toBe(signing);
  await once.getByRole("button", { name: "Done" }).click();

  // A new one: both sign for a day.
  await page.getByRole("button", { name: "Make a new signing secret" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Make a new one" }).click();
  const third = (await once.locator(".copy-text").innerText()).replace(/\s/gu, "");
  await once.getByRole("button", { name: "Done" }).click();
  await page.getByRole("button", { name: "Send test" }).click();
  await expect(page.getByText(/The test arrived/)).toBeVisible();
  const last = receiver.arrived.length - 1;
  receiver.verify(second, last);
  receiver.verify(third, last);
  expect(() => receiver.verify(signing, last)).toThrow();

  await page.getByRole("button", { name: "Switch off" }).click();
  await expect(page.getByRole("button", { name: "Switch on" })).toBeVisible();
  await page.getByRole("link", { name: "Webhooks", exact: true }).first().click();
  await expect(
    page.getByRole("listitem").filter({ hasText: "On-call" }).getByText("Off", { exact: true }),
  ).toBeVisible();
  await page.getByRole("link", { name: "On-call" }).click();
  await page.getByRole("button", { name: "Delete webhook" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete webhook" }).click();
  await expect(page.getByRole("heading", { name: "No webhooks yet" })).toBeVisible();
});
