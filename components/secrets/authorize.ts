import { api } from "@/components/frame/api";

/**
 * Asks for an authorization and leaves for it: the browser goes to a page of Latchkey that leads on to the provider. Resolves when the
 * browser is on its way. Rejects with `LatchkeyError`.
 */
export async function goAuthorize(workspaceId: string, secretId: string): Promise<void> {
  const answer = await api.secrets.authorize(workspaceId, secretId);
  const url = new URL(answer.data.attributes.url, window.location.href);
  // The server says where; that it is a web page is checked here, because a `javascript:` address would run in this page.
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw new Error("The server named an address that is no web page.");
  window.location.assign(url.href);
}
