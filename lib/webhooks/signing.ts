import { createHmac, randomBytes } from "node:crypto";
import { openJson, sealJson } from "@/lib/crypto/envelope";
import { Sensitive } from "@/lib/crypto/sensitive";

/** Signing after the Standard Webhooks specification: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`. */

const PREFIX = "whsec_";
/** The specification asks for 24 to 64. */
const SECRET_BYTES = 32;

/** What is sealed with a webhook. */
interface SigningSecrets {
  current: string;
  /** Signs, too, while `previous_until` of the row is to come. */
  previous: string | null;
}

/** A sealed row's part that signing needs. */
export interface SealedSigning {
  tenantId: string;
  /** The webhook's id. */
  webhookId: string;
  generation: number;
  sealed: Buffer;
}

const place = ({ tenantId, webhookId, generation }: Omit<SealedSigning, "sealed">) => ({
  tenantId,
  table: "webhooks",
  rowId: webhookId,
  field: "signing",
  generation,
});

/** A new signing secret. */
export function newSigningSecret(): Sensitive<string> {
  return new Sensitive(PREFIX + randomBytes(SECRET_BYTES).toString("base64"));
}

/**
 * Seals a webhook's signing secret.
 *
 * @param before what is sealed so far, when its secret goes on signing for a while
 * @throws AppError integrity_failure when that cannot be opened
 */
export async function sealSigning(
  at: Omit<SealedSigning, "sealed">,
  current: Sensitive<string>,
  before: SealedSigning | null = null,
): Promise<Buffer> {
  const opened = before && (await openJson<SigningSecrets>(place(before), before.sealed));
  const previous = opened?.use((secrets) => new Sensitive(secrets.current)) ?? null;
  return sealJson(place(at), { current, previous });
}

/**
 * The headers that prove a message: one signature for each secret that signs.
 *
 * @param id the message's, the same at every attempt
 * @param timestampS when it is sent, seconds
 * @throws AppError integrity_failure
 */
export async function signedHeaders(
  row: SealedSigning & { previousSigns: boolean },
  id: string,
  timestampS: number,
  body: string,
): Promise<Record<string, string>> {
  const opened = await openJson<SigningSecrets>(place(row), row.sealed);
  const signatures = opened.use(({ current, previous }) =>
    [current, ...(previous !== null && row.previousSigns ? [previous] : [])].map((secret) =>
      sign(secret, `${id}.${timestampS}.${body}`),
    ),
  );
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestampS),
    "webhook-signature": signatures.join(" "),
  };
}

function sign(secret: string, text: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), "base64");
  return `v1,${createHmac("sha256", key).update(text, "utf8").digest("base64")}`;
}
