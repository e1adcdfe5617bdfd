import type { z } from "zod";
import { SECRET_TYPE_NAMES } from "@/lib/secret-types";
import type { Random } from "@/lib/testing/simulation/random";

/** Values for the fuzz: right ones from a zod schema, and odd ones that no schema asked for. */

const DEPTH = 6;

/** What zod keeps about a schema; the part that is looked at. */
interface Def {
  type: string;
  shape?: Record<string, z.ZodType>;
  catchall?: z.ZodType;
  element?: z.ZodType;
  innerType?: z.ZodType;
  in?: z.ZodType;
  options?: z.ZodType[];
  values?: unknown[];
  entries?: Record<string, unknown>;
  valueType?: z.ZodType;
  getter?: () => z.ZodType;
  left?: z.ZodType;
  items?: z.ZodType[];
}

/**
 * A value that fits the schema, where its checks can be met by trying: of some tries the first that it accepts, or else the
 * last. Transforms are not followed; the value is what a client would send.
 */
export function fitting(schema: z.ZodType, random: Random): unknown {
  let value: unknown;
  for (let i = 0; i < 8; i++) {
    value = fromSchema(schema, random, "", 0);
    if (schema.safeParse(value).success) return value;
  }
  return value;
}

function fromSchema(schema: z.ZodType, random: Random, key: string, depth: number): unknown {
  const def = (schema as unknown as { _zod: { def: Def } })._zod.def;
  const inner = (of: z.ZodType | undefined) => (of ? fromSchema(of, random, key, depth + 1) : null);
  switch (def.type) {
    case "object": {
      const made: Record<string, unknown> = {};
      for (const [name, member] of Object.entries(def.shape ?? {})) {
        const value = fromSchema(member, random, name, depth + 1);
        if (value !== undefined) made[name] = value;
      }
      return made;
    }
    case "optional":
    case "default":
    case "prefault":
      return random.chance(0.5) ? undefined : inner(def.innerType);
    case "nullable":
      return random.chance(0.2) ? null : inner(def.innerType);
    case "nonoptional":
    case "readonly":
    case "catch":
      return inner(def.innerType);
    case "pipe":
      return inner(def.in);
    case "lazy":
      return depth > DEPTH ? null : inner(def.getter?.());
    case "intersection":
      return inner(def.left);
    case "union":
      return inner(random.pick(def.options ?? []));
    case "literal":
      return random.pick(def.values ?? [null]);
    case "enum":
      return random.pick(Object.values(def.entries ?? {}));
    case "array":
      return Array.from({ length: random.skewed(0, 5) }, () => inner(def.element));
    case "tuple":
      return (def.items ?? []).map((item) => inner(item));
    case "record":
      return Object.fromEntries(
        Array.from({ length: random.skewed(0, 4) }, () => [word(random), inner(def.valueType)]),
      );
    case "string":
      return text(random, key);
    case "number":
    case "int":
      return random.skewed(0, 7200);
    case "boolean":
      return random.chance(0.5);
    case "null":
      return null;
    case "never": // A member that is refused with a word of its own; left out, as a client leaves it out.
      return undefined;
    case "unknown":
    case "any":
    case "custom":
    case "transform":
      return freeValue(random, key);
    default:
      throw new Error(`The fuzz makes no values for zod's ${def.type}; teach lib/testing/fuzz/values.ts.`);
  }
}

const WORDS = [
  "name",
  "access_token",
  "refresh_token",
  "expires_in",
  "username",
  "password",
  "api_key",
  "header_name",
  "scope",
  "x",
  "Ünïcode",
  "a b",
];
const word = (random: Random) => random.pick(WORDS);

/** Nothing here is looked up by name, and nobody answers: this machine, where the fuzz may ask, and blocked addresses. */
const ADDRESSES = [
  "https://127.0.0.1:1/x",
  "https://127.0.0.1:1/y",
  "http://127.0.0.1:1/token",
  "https://[::1]/",
  "https://192.0.2.1:99/a?b=c",
  "https://203.0.113.7/o",
];

/** A key pair is generated for seconds each time. */
const CHEAP_TYPES = SECRET_TYPE_NAMES.filter((name) => name !== "rs256");

/** With these, most of what is made by chance fits. */
const COMMON_TYPES = ["oauth2", "noauth", "basic", "api_key"] as const;

function text(random: Random, key: string): string {
  if (/uri|url|issuer|resource/.test(key)) return random.pick(ADDRESSES);
  if (/_at$/.test(key)) return new Date(Date.UTC(2099, 0, 1) + random.between(0, 1e9)).toISOString();
  if (key === "allowed_hosts") return random.pick(["127.0.0.1:1", "*.example.com", "Api.Example.com:8443"]);
  if (key === "type") return random.pick(random.chance(0.75) ? COMMON_TYPES : CHEAP_TYPES);
  if (key === "state") return random.pick(["ready", "error"]);
  if (key === "field") return random.pick(["access_token", "password", "api_key", "x"]);
  if (key === "id") return "id";
  return `${word(random)} ${random.between(0, 1e9).toString(36)}`;
}

/** `credentials` and the like, which the schema leaves to a later judge. */
function freeValue(random: Random, key: string): unknown {
  if (key !== "credentials") return random.pick(["text", 5, true, null, { a: [1] }]);
  // What several types take.
  if (random.chance(0.4))
    return { username: "u", password: `p${random.between(0, 1e6)}`, headerName: "X-Key", headerValue: "v" };
  return random.pick([
    { access_token: `at ${random.between(0, 1e9)}`, refresh_token: "rt", expires_in: 3600 },
    { access_token: `at ${random.between(0, 1e9)}`, expires_in: random.between(1, 40) },
    { scope: "a b" },
    { username: "u", password: `p${random.between(0, 1e6)}` },
    { headerName: "X-Key", headerValue: `v${random.between(0, 1e6)}` },
    { password: `p${random.between(0, 1e6)}` },
    { headers: { "X-A": "1" } },
    {},
    { additional_params: { a: "b" }, fields: { x: 1 } },
  ]);
}

/** Odd values of every JSON type; text that looks like an attack says nothing that an answer may not repeat. */
export function oddValue(random: Random): unknown {
  return random.pick<() => unknown>([
    () => null,
    () => true,
    () => 0,
    () => -1,
    () => 1e308,
    () => -0.1,
    () => 2 ** 53,
    () => "",
    () => " ",
    () => [],
    () => ({}),
    () => [[[]]],
    () => "'; drop table x; --",
    () => "../../etc/passwd",
    () => "<script>alert(1)</script>",
    () => "\u202e\u0000",
    () => "\ud800",
    () => "\u{1f600}".repeat(50),
    () => "x".repeat(random.pick([65, 201, 5000, 70_000])),
    () => ({ toString: "x", valueOf: 1, length: -1 }),
    () => ({ id: { id: 1 } }),
    () => Array.from({ length: random.pick([10, 501, 1100]) }, (_, i) => i),
    () => Object.fromEntries(Array.from({ length: random.pick([3, 300]) }, (_, i) => [`k${i}`, i])),
    () => nested(random.pick([5, 31, 40])),
    () => "2099-99-99T99:99:99Z",
    () => "$" + "{jndi:x}{{7*7}}%n%s",
    () => "javascript:alert(1)",
    () => "http://a b/",
    () => "https://user:pw@127.0.0.1/",
    () => "9".repeat(400),
  ])();
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value };
  return value;
}

/** A copy in which one member, somewhere, is another value, is missing, or is new. */
export function disturbed(value: unknown, random: Random): unknown {
  const copy = structuredClone(value);
  const places: { in: Record<string, unknown>; key: string }[] = [];
  const walk = (at: unknown) => {
    if (typeof at !== "object" || at === null) return;
    for (const [key, member] of Object.entries(at)) {
      places.push({ in: at as Record<string, unknown>, key });
      walk(member);
    }
  };
  walk(copy);
  if (places.length === 0) return oddValue(random);
  const place = random.pick(places);
  const how = random.next();
  if (how < 0.55) place.in[place.key] = oddValue(random);
  else if (how < 0.8 && !Array.isArray(place.in)) delete place.in[place.key];
  else place.in[random.pick(["extra", "id", "tenant_id", "state", "", "a/b~c", "hasOwnProperty"])] = oddValue(random);
  return copy;
}

/** NUL or half a character somewhere: never accepted, whatever a schema says. */
export function holdsUnstorable(value: unknown): boolean {
  return /\\u0000|\\ud[89a-f]/.test(JSON.stringify(value) ?? "");
}
