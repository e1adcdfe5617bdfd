import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

/**
 * One scripted misbehaviour of the fake provider's token endpoint. Everything is data, so that it can be sent to a provider
 * in another process.
 */
export interface Behaviour {
  /** Wait before the request takes effect, ms. */
  delayMs?: number;
  /** It takes effect only if the client is still there after `delayMs`. */
  onlyIfAwaited?: boolean;
  /** Wait between its effect and the answer, ms. */
  holdMs?: number;
  /** False: the request has no effect, whatever is answered. Default true, but false for `error`. */
  consume?: boolean;
  /** Changes to a good answer: a member set to null is left out. */
  change?: Record<string, unknown>;
  /** Extra headers of a good answer. */
  headers?: Record<string, string>;
  /** An OAuth error instead of a good answer. */
  error?: { status?: number; code?: string; description?: string; headers?: Record<string, string>; body?: string };
  /** Not JSON and OAuth at all. */
  instead?:
    | { kind: "drop" }
    | { kind: "half" }
    | { kind: "silence" }
    | { kind: "drip"; everyMs: number }
    | { kind: "huge"; bytes: number }
    | { kind: "gzip_bomb"; bytes: number }
    | { kind: "redirect"; status: number; location: string }
    | { kind: "raw"; status: number; type?: string; body: string };
}

/** Whether the request takes effect under this behaviour. */
export function takesEffect(behaviour: Behaviour): boolean {
  return behaviour.consume ?? behaviour.error === undefined;
}

/** Sends an odd answer. Resolves to whether a whole answer was handed over. */
export async function answerOddly(
  response: ServerResponse,
  odd: NonNullable<Behaviour["instead"]>,
  good: Record<string, unknown>,
): Promise<boolean> {
  const text = JSON.stringify(good);
  const json = { "content-type": "application/json" };
  switch (odd.kind) {
    case "drop":
      response.destroy();
      return false;
    case "half":
      response.writeHead(200, { ...json, "content-length": text.length });
      response.write(text.slice(0, text.length / 2));
      await new Promise((resolve) => setTimeout(resolve, 20));
      response.destroy();
      return false;
    case "silence":
      await new Promise((resolve) => response.once("close", resolve));
      return false;
    case "drip":
      response.writeHead(200, { ...json, "content-length": text.length });
      for (const letter of text) {
        if (response.destroyed) return false;
        response.write(letter);
        await new Promise((resolve) => setTimeout(resolve, odd.everyMs));
      }
      response.end();
      return true;
    case "huge":
      response.writeHead(200, json);
      for (let sent = 0; sent < odd.bytes && !response.destroyed; sent += 65_536) {
        if (!response.write(" ".repeat(65_536)))
          await new Promise<void>((resolve) => {
            const go = () => {
              response.off("drain", go).off("close", go);
              resolve();
            };
            response.on("drain", go).on("close", go);
          });
      }
      response.end(text);
      return !response.destroyed;
    case "gzip_bomb":
      response.writeHead(200, { ...json, "content-encoding": "gzip" });
      response.end(gzipSync(Buffer.alloc(odd.bytes, 32)));
      return true;
    case "redirect":
      response.writeHead(odd.status, { location: odd.location });
      response.end();
      return true;
    case "raw":
      response.writeHead(odd.status, { "content-type": odd.type ?? "text/html" });
      response.end(odd.body);
      return true;
  }
}
