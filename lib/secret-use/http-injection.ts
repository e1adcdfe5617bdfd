import { systemClock } from "@/lib/clock";
import { AppError } from "@/lib/errors";
import { once } from "@/lib/process";
import { isSecretType, SECRET_TYPES } from "@/lib/secret-types";
import type { HeaderField } from "@/lib/secret-types/secret-type";
import type { Release } from "@/lib/secrets/requests";
import type { OpenCredentials } from "@/lib/secrets/resource";
import { signJwt } from "./jwt";
import { keysOf } from "./jwt-keys";
import { Needles, ReflectionGuard } from "./reflection-guard";

/** The third door: a secret's value as the header fields of a request to its allowed host (SECURITY PX-2, PX-3). */

/** More than servers take as headers. */
const MOST_BYTES = 16 * 1024;
/** Fields of the type `http_headers` that say how to talk and not who talks: nothing to hide. */
const NO_SECRET = /^(accept(-.*)?|content-type|user-agent|origin|referer|prefer)$/;

type Released = Pick<Release, "row" | "credentials">;

/**
 * What a secret has to put into a request: its stored values, of oauth2 `access_token` alone. Of a key `token`, signed with the
 * secret's own claims and lifetime; the key stays.
 *
 * @throws AppError bad_request when the key is not for signing
 */
export async function valuesOf({ row, credentials }: Released): Promise<Readonly<Record<string, unknown>>> {
  if (credentials.kind === "oauth2") return { access_token: credentials.tokens?.access_token.reveal() };
  const { values } = credentials;
  if (row.type !== "hs256" && row.type !== "rs256") return values.reveal();
  const keys = await keysOf(row, async () => values);
  const { token } = await signJwt(keys, {}, { nowMs: systemClock.now() });
  return { token };
}

/** What is put into one request, and the guard over its answer. Prints nothing of it. */
export class Injection {
  readonly #fields: readonly HeaderField[];
  readonly #named: readonly string[];
  #needles: Needles | undefined;
  /** Names of the fields, in lower case: the caller cannot set them. */
  readonly names: readonly string[];

  /**
   * @param named values that the request has besides, by reference; they must not come back either
   * @throws AppError bad_request when the stored value fits into no header, or the key is not for signing
   */
  static async of(release: Released, named: readonly string[] = []): Promise<Injection> {
    const { row, credentials } = release;
    // Of a key it is a token made now; with named values it is this request's alone.
    if (named.length > 0 || row.type === "hs256" || row.type === "rs256")
      return new Injection(row.type, await valuesOf(release), named);
    // Kept as long as the opened values are.
    const made = once("injections", () => new WeakMap<OpenCredentials, Injection>());
    const known = made.get(credentials);
    if (known) return known;
    const injection = new Injection(row.type, await valuesOf(release), named);
    made.set(credentials, injection);
    return injection;
  }

  private constructor(type: string, values: Readonly<Record<string, unknown>>, named: readonly string[]) {
    this.#named = named;
    const injects = isSecretType(type) ? SECRET_TYPES[type].injects : null;
    if (!injects) throw new AppError("bad_request", `A secret of type ${type} makes no HTTP requests.`);
    this.#fields = injects(values).map(([name, value]) => [name.toLowerCase(), value]);
    this.names = this.#fields.map(([name]) => name);
    const size = this.#fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    if (size > MOST_BYTES || this.#fields.some(([, value]) => !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)))
      throw new AppError(
        "bad_request",
        "The stored value cannot be sent in an HTTP header: it is longer than 16 KB or has characters that headers cannot hold.",
      );
  }

  /** `headers` with the secret's own on top. */
  into(headers: Readonly<Record<string, string>>): Record<string, string> {
    const all = { ...headers };
    for (const [name, value] of this.#fields) all[name] = value;
    return all;
  }

  /** A guard for one answer; `of` makes it look for what earlier tries sent, too. */
  guard(...of: Injection[]): ReflectionGuard {
    if (of.length === 0) {
      this.#needles ??= needlesFor(this.#values());
      return new ReflectionGuard(this.#needles);
    }
    return new ReflectionGuard(needlesFor([this, ...of].flatMap((one) => one.#values())));
  }

  #values(): string[] {
    return [...this.#fields.flatMap(hidden), ...this.#named];
  }
}

/** Making them costs more than looking through a small answer; no value is kept for longer than this (SECURITY LG-4). */
const KEPT_MS = 20_000;
const MOST_KEPT = 200;

function needlesFor(values: string[]): Needles {
  const kept = once("reflection-needles", () => new Map<string, Needles>());
  const key = JSON.stringify(values);
  const known = kept.get(key);
  if (known) return known;
  const needles = new Needles(values);
  if (kept.size < MOST_KEPT) {
    kept.set(key, needles);
    setTimeout(() => kept.delete(key), KEPT_MS).unref();
  }
  return needles;
}

/** What of a field must not come back: its value, what follows the scheme, and of Basic the password behind the encoding. */
function hidden([name, value]: HeaderField): string[] {
  if (NO_SECRET.test(name)) return [];
  const [, scheme, rest] = /^([A-Za-z][\w-]*) +(\S.*)$/.exec(value) ?? [];
  if (rest === undefined) return [value];
  if (scheme?.toLowerCase() !== "basic") return [rest];
  const clear = Buffer.from(rest, "base64").toString("utf8");
  return [rest, clear.slice(clear.indexOf(":") + 1)];
}
