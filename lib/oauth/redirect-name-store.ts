import { and, eq, like, or } from "drizzle-orm";
import { redirectNames } from "@/drizzle/schema/auth-clients";
import type { Tx } from "@/lib/db/tx";
import { urlSafe } from "@/lib/secret-types/names";

/**
 * The last path segment of every redirect URI: `<name in URL-safe form>.<code of the owner>` (API.md "Redirect URI"). Fixed
 * when its context is created; no two contexts ever share one, which with `state` and `iss` stops mix-up between tenants
 * (OA-6). A store: the only file that knows the table.
 */

/** Who owns a name: the workspace of a secret, or the scope of a client that shares one URI among its secrets. */
export interface NameOwner {
  tenantId: string;
  /** Id of the workspace, contract or tenant (the instance is the tenant of 24 zeros). */
  ownerId: string;
  /** Its `redirect_code`. */
  code: string;
}

export interface NameContext extends NameOwner {
  /** As the person typed it. */
  name: string;
  contextKind: "secret" | "auth-client";
  contextId: string;
}

const MAX_SLUG = 64;

/**
 * Takes the first free name and keeps it for this context until `releaseSecretName`. Of two transactions that want the same
 * name, the second waits for the first and takes the next.
 *
 * @returns the `secretName`
 */
export async function reserveSecretName(tx: Tx, context: NameContext): Promise<string> {
  const base = urlSafe(context.name);
  const taken = await takenSlugs(tx, context, base);
  for (let count = 1; ; count++) {
    const slug = numbered(base, count);
    if (taken.has(slug)) continue;
    const inserted = await tx
      .insert(redirectNames)
      .values({
        tenantId: context.tenantId,
        ownerId: context.ownerId,
        slug,
        contextKind: context.contextKind,
        contextId: context.contextId,
      })
      .onConflictDoNothing()
      .returning({ slug: redirectNames.slug });
    if (inserted.length === 1) return `${slug}.${context.code}`;
  }
}

/** The `secretName` that `reserveSecretName` would give now; somebody else may still take it first. */
export async function previewSecretName(tx: Tx, owner: NameOwner, name: string): Promise<string> {
  const base = urlSafe(name);
  const taken = await takenSlugs(tx, owner, base);
  let count = 1;
  while (taken.has(numbered(base, count))) count++;
  return `${numbered(base, count)}.${owner.code}`;
}

/** Frees the name of a deleted secret or client. The transaction must be of the context's own tenant, whose rows it sees. */
export async function releaseSecretName(tx: Tx, contextId: string): Promise<void> {
  await tx.delete(redirectNames).where(eq(redirectNames.contextId, contextId));
}

/** `mail`, `mail-2`, `mail-3`, … within 64 characters. */
function numbered(base: string, count: number): string {
  if (count === 1) return base;
  const suffix = `-${count}`;
  return base.slice(0, MAX_SLUG - suffix.length).replace(/-+$/, "") + suffix;
}

/** Names in use that begin as this one does; a cut base counts too. Slugs hold no character that LIKE understands. */
async function takenSlugs(tx: Tx, owner: NameOwner, base: string): Promise<Set<string>> {
  const stem = base.slice(0, MAX_SLUG - 8).replace(/-+$/, "");
  const rows = await tx
    .select({ slug: redirectNames.slug })
    .from(redirectNames)
    .where(
      and(
        eq(redirectNames.tenantId, owner.tenantId),
        eq(redirectNames.ownerId, owner.ownerId),
        or(eq(redirectNames.slug, base), like(redirectNames.slug, `${stem}%`)),
      ),
    );
  return new Set(rows.map((row) => row.slug));
}
