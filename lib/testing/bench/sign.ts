import { createPrivateKey, createPublicKey } from "node:crypto";
import { SignJWT } from "jose";
import { publicHalf } from "@/lib/crypto/rsa-keys";
import { signJwt } from "@/lib/secret-use/jwt";
import type { JwtKeys } from "@/lib/secret-use/jwt-keys";
import "./end-with-parent";

/** Signs RS256 tokens one after another, 32 at once, as Latchkey does it with a secret's key and as jose does it by itself. */

export interface SignOrder {
  way: "jose" | "latchkey";
  /** PKCS#8. */
  pem: string;
  seconds: number;
}

const AT_ONCE = 32;

process.on("message", (order: SignOrder) => {
  perSecond(order).then((rate) => process.send?.(rate));
});

async function perSecond({ way, pem, seconds }: SignOrder): Promise<number> {
  const key = createPrivateKey(pem);
  const open = createPublicKey(key);
  const { kid } = publicHalf(open);
  const keys: JwtKeys = { alg: "RS256", settings: { issuer: "bench" }, keys: [{ kid, own: key, open }] };
  const jose = () => {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: "bench", sub: "somebody", iat, exp: iat + 300 };
    return new SignJWT(claims).setProtectedHeader({ alg: "RS256", typ: "JWT", kid }).sign(key);
  };
  const latchkey = () => signJwt(keys, { sub: "somebody" }, { nowMs: Date.now() });
  const sign: () => Promise<unknown> = way === "jose" ? jose : latchkey;
  for (let i = 0; i < 50; i++) await sign();
  let made = 0;
  const began = performance.now();
  const end = began + seconds * 1000;
  const signer = async () => {
    for (; performance.now() < end; made++) await sign();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, signer));
  return (made / (performance.now() - began)) * 1000;
}
