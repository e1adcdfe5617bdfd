import { join } from "node:path";
import type postgres from "postgres";
import { readSettings } from "@/lib/config";
import { openKeyring } from "@/lib/crypto/open-keyring";
import { install } from "@/lib/process";
import type { Ground } from "./seed";

/** Gives this process the instance's keys, so that it can seal and open what the product does. */
export async function useKeys(databaseUrl: string, dataDir: string): Promise<void> {
  install(
    "settings",
    readSettings({ DATABASE_URL: databaseUrl, LATCHKEY_MASTER_KEY_FILE: join(dataDir, "master.key") }),
  );
  install("databaseUrl", databaseUrl);
  await openKeyring(() => {});
}

/** Workspace of the first account, and an auth client of the provider in it, made through the API. */
export async function makeGround(
  owner: postgres.Sql,
  { url, basic, providerUrl }: { url: string; basic: string; providerUrl: string },
): Promise<Ground> {
  const api = async (path: string, body?: unknown) => {
    const response = await fetch(`${url}${path}`, {
      method: body ? "POST" : "GET",
      headers: { authorization: basic, "content-type": "application/json" },
      body: body ? JSON.stringify(body) : undefined,
    });
    const document = (await response.json()) as { data: { id: string } & { id: string }[] };
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${JSON.stringify(document)}`);
    return document.data;
  };
  const workspaceId = (await api("/v2/workspaces"))[0]?.id as string;
  const client = await api("/v2/auth-clients", {
    data: {
      type: "auth-client",
      attributes: {
        name: "Bench provider",
        type: "oauth2",
        credentials: {
          client_id: "bench",
          client_secret: "bench-secret",
          auth_uri: `${providerUrl}/authorize`,
          token_uri: `${providerUrl}/token`,
          refresh_token_uri: `${providerUrl}/token`,
          token_endpoint_auth_method: "client_secret_post",
        },
      },
      relationships: { workspace: { data: { id: workspaceId, type: "workspace" } } },
    },
  });
  const [place] = await owner<{ tenant_id: string }[]>`select tenant_id from workspaces where id = ${workspaceId}`;
  const tenantId = place?.tenant_id as string;
  return { tenantId, workspaceId, authClientTenantId: tenantId, authClientId: client.id };
}
