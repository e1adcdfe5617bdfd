import { createPrivateKey, createPublicKey } from "node:crypto";
import { SignJWT } from "jose";
import { publicHalf } from "@/lib/crypto/rsa-keys";
import { signJwt } from "@/lib/secret-use/jwt";
import type { JwtKeys } from "@/lib/secret-use/jwt-keys";
import "./end-with-parent";

/**
 * Signs RS256 tokens, 32 at once, as Latchkey does it with a secret's key and as jose does it by itself, in turns so short that
 * whatever else the machine does meets both.
 */

export interface SignOrder {
  /** PKCS#8. */
  pem: string;
  /** For each. */
  seconds: number;
}

/** Tokens a second. */
export interface SignReport {
  jose: number;
  latchkey: number;
}

const AT_ONCE = 32;
const TURN_MS = 200;

process.on("message", (order: SignOrder) => {
  measure(order).then((report) => process.send?.(report));
});

async function measure({ pem, seconds }: SignOrder): Promise<SignReport> {
  const key = createPrivateKey(pem);
  const open = createPublicKey(key);
  const { kid } = publicHalf(open);
  const keys: JwtKeys = { alg: "RS256", settings: { issuer: "bench" }, keys: [{ kid, own: key, open }] };
  const ways = {
    jose: () => {
      const iat = Math.floor(Date.now() / 1000);
      const claims = { iss: "bench", sub: "somebody", iat, exp: iat + 300 };
      return new SignJWT(claims).setProtectedHeader({ alg: "RS256", typ: "JWT", kid }).sign(key);
    },
    latchkey: () => signJwt(keys, { sub: "somebody" }, { nowMs: Date.now() }),
  };
  const spent = { jose: { made: 0, ms: 0 }, latchkey: { made: 0, ms: 0 } };
  for (const sign of Object.values(ways)) for (let i = 0; i < 50; i++) await sign();
  while (spent.latchkey.ms < seconds * 1000)
    for (const way of ["jose", "latchkey"] as const) {
      const began = performance.now();
      let made = 0;
      const signer = async () => {
        for (; performance.now() - began < TURN_MS; made++) await ways[way]();
      };
      await Promise.all(Array.from({ length: AT_ONCE }, signer));
      spent[way].made += made;
      spent[way].ms += performance.now() - began;
    }
  const rate = ({ made, ms }: { made: number; ms: number }) => (made / ms) * 1000;
  return { jose: rate(spent.jose), latchkey: rate(spent.latchkey) };
}
