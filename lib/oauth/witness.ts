import { Sensitive } from "@/lib/crypto/sensitive";
import { LightResponse } from "@/lib/egress/light-response";
import { type customFetch, type EgressInit, exchange } from "@/lib/egress/safe-fetch";

/** One token request as it is sent, and the answer when it came. Both hold clear values. */
export interface Exchange {
  request: Sensitive<{ method: string; url: string; headers: Record<string, string>; body: string }>;
  answer: Sensitive<{ status: number; headers: Record<string, string>; body: string }> | null;
}

/** Told of each request just before it is sent; for a person who tests it. */
export type Witness = (exchange: Exchange) => void;

/** `customFetch` with somebody looking on. */
export function witnessed(
  options: NonNullable<Parameters<typeof customFetch>[0]>,
  witness: Witness,
): ReturnType<typeof customFetch> {
  return async (url, init = {}) => {
    const seen: Exchange = { request: new Sensitive(sent(url, init)), answer: null };
    witness(seen);
    const answer = await exchange(url, init, options);
    seen.answer = new Sensitive({
      status: answer.status,
      headers: Object.fromEntries(
        Object.entries(answer.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
      ),
      body: answer.body.toString("utf8"),
    });
    return new LightResponse({ url, ...answer });
  };
}

function sent(url: string, { method = "GET", headers, body }: EgressInit) {
  return { method, url, headers: Object.fromEntries(new Headers(headers)), body: body ? String(body) : "" };
}
