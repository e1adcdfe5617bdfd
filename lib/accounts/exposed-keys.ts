import type { RequestFacts } from "@/lib/access/caller";
import { API_KEY_PATTERN, parseApiKey } from "@/lib/accounts/api-key-format";
import { findKeyByMac, markExposed } from "@/lib/accounts/key-store";
import { recordWith } from "@/lib/audit/record";
import { mac } from "@/lib/crypto/mac";
import { inTenant } from "@/lib/db/tx";

/** Longer texts are looked through for our pattern only. */
const MAX_TEXT = 8_192;

/**
 * Marks the key in `text` (a part of a URL) as exposed and records it, when it is one of ours; otherwise nothing (KEY-5).
 * The key goes on working: its owner is shown the warning and replaces it.
 */
export async function markKeyExposed(text: string, facts: RequestFacts): Promise<void> {
  const candidate = API_KEY_PATTERN.exec(text.slice(0, MAX_TEXT))?.[0] ?? text;
  if (candidate.length < 32 || candidate.length > 512 || parseApiKey(candidate) === "malformed") return;
  const key = await findKeyByMac(mac("api-key", candidate));
  if (!key) return;
  await inTenant(key.tenant_id, async (tx) => {
    if (!(await markExposed(tx, key.tenant_id, key.id, new Date()))) return;
    await recordWith(
      tx,
      {
        kind: "anonymous",
        name: "a request with a key in its URL",
        via: "url",
        requestId: facts.requestId,
        ip: facts.ip,
        userAgent: facts.userAgent,
      },
      {
        tenantId: key.tenant_id,
        workspaceId: key.workspace_id,
        action: "api_key.exposed",
        target: { type: key.kind === "task" ? "task-identity" : "api-key", id: key.id, name: key.name },
      },
    );
  });
}
