import { EgressError } from "@/lib/egress/egress-error";
import { rooms } from "@/lib/egress/rooms";
import { checkLiteral, type EgressRequestOptions, exchange } from "@/lib/egress/safe-fetch";
import { AppError } from "@/lib/errors";

/**
 * An issuer's metadata: RFC 8414 and OpenID Connect Discovery, whichever of the two answers for exactly this issuer
 * (OA-15). What is found is pinned when a client is created and never looked up again.
 */

export interface ProviderMetadata {
  issuer: string;
  authUri: string | null;
  tokenUri: string | null;
  revocationUri: string | null;
  /** Null: the metadata does not say. */
  tokenEndpointAuthMethods: string[] | null;
  codeChallengeMethods: string[] | null;
  scopesSupported: string[] | null;
  /** The authorization response carries `iss` (RFC 9207). */
  issParameter: boolean;
}

export interface DiscoveryOptions extends EgressRequestOptions {
  /** Where a complaint points. Default `/issuer`. */
  pointer?: string;
  /** Who asks: requests that hang are counted for them (SS-9). */
  holder?: string;
  /** For both documents together. Default 10 s. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 256 * 1024;
const MAX_ITEMS = 1000;
const MAX_TEXT = 2048;
/** Control characters and half surrogate pairs. */
const UNSTORABLE = /[\p{Cc}\p{Cs}]/u;

/**
 * Asks the issuer for its metadata.
 *
 * @throws AppError provider_fault when too many wait for this issuer already
 * @throws AppError invalid_attribute with `options.pointer`: no usable metadata, or metadata of somebody else
 */
export async function discover(issuer: string, options: DiscoveryOptions = {}): Promise<ProviderMetadata> {
  const { pointer = "/issuer", timeoutMs = TIMEOUT_MS, holder = "", ...request } = options;
  const complain = (detail: string, cause?: unknown) =>
    new AppError("invalid_attribute", detail, { source: { pointer }, cause });

  const wrong = checkLiteral(issuer, request.egress) ?? complaintAboutIssuer(issuer);
  if (wrong) throw complain(`The issuer ${wrong}.`);
  const addresses = metadataAddresses(issuer);
  const leave = rooms().enter(issuer, holder);
  if (!leave)
    throw new AppError(
      "provider_fault",
      "Too many requests wait for this issuer's answer just now. Try again in a moment.",
      { retryAfterS: 5 },
    );
  const found = await Promise.allSettled(
    addresses.map((address) => fetchMetadata(address, issuer, { ...request, signal: AbortSignal.timeout(timeoutMs) })),
  ).finally(leave);
  for (const one of found) if (one.status === "fulfilled") return one.value;

  const reasons = found.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
  const bug = reasons.find((reason) => !(reason instanceof NoMetadata));
  if (bug) throw bug;
  const most = (reasons as NoMetadata[]).reduce((a, b) => (b.weight > a.weight ? b : a));
  throw complain(most.message, new AggregateError(reasons));
}

/** Both well-known addresses: the suffix goes before the issuer's path (RFC 8414) and behind it (OpenID Connect). */
export function metadataAddresses(issuer: string): [rfc8414: string, openid: string] {
  const url = new URL(issuer);
  const path = url.pathname.replace(/\/$/, "");
  return [
    `${url.origin}/.well-known/oauth-authorization-server${path}`,
    `${url.origin}${path}/.well-known/openid-configuration`,
  ];
}

function complaintAboutIssuer(issuer: string): string | null {
  const url = new URL(issuer);
  return url.search || url.hash || /[?#]/.test(issuer) ? "must not contain ? or # (RFC 8414)" : null;
}

/** Why an address gave nothing; the heavier tells a person more. */
class NoMetadata extends Error {
  override name = "NoMetadata";
  readonly weight: number;
  constructor(weight: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.weight = weight;
  }
}

async function fetchMetadata(
  address: string,
  issuer: string,
  options: EgressRequestOptions,
): Promise<ProviderMetadata> {
  let answer: Awaited<ReturnType<typeof exchange>>;
  try {
    answer = await exchange(address, { headers: { accept: "application/json" } }, { ...options, maxBytes: MAX_BYTES });
  } catch (error) {
    if (options.signal?.aborted)
      throw new NoMetadata(1, "Nothing was found for this issuer: it did not answer in time.", { cause: error });
    if (!(error instanceof EgressError)) throw error;
    throw new NoMetadata(1, `Nothing was found for this issuer. ${error.public}`, { cause: error });
  }
  if (answer.status !== 200)
    throw new NoMetadata(0, "This issuer publishes no metadata. Enter the endpoints by hand, or check the address.");
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(answer.body));
  } catch {
    // The parser's message quotes the answer, so it is not kept.
    throw new NoMetadata(2, "This issuer's metadata is not JSON.");
  }
  return readMetadata(document, issuer, (url) => checkLiteral(url, options.egress));
}

/**
 * Reads a metadata document strictly.
 *
 * @throws NoMetadata saying what is wrong with it
 */
function readMetadata(document: unknown, issuer: string, judge: (url: string) => string | null): ProviderMetadata {
  const malformed = (name: string, what: string) =>
    new NoMetadata(4, `This issuer's metadata cannot be used: ${name} ${what}.`);
  if (typeof document !== "object" || document === null || Array.isArray(document))
    throw new NoMetadata(2, "This issuer's metadata is not a JSON object.");
  const members = document as Record<string, unknown>;

  const named = members.issuer;
  if (typeof named !== "string") throw malformed("issuer", "is missing");
  if (named !== issuer) throw new NoMetadata(5, otherIssuer(named, issuer));

  const address = (name: string): string | null => {
    const value = members[name];
    if (value === undefined || value === null) return null;
    if (typeof value !== "string" || value.length > MAX_TEXT) throw malformed(name, "is not a URL");
    const wrong = judge(value);
    if (wrong) throw malformed(name, wrong);
    if (issuer.startsWith("https:") && !value.startsWith("https:"))
      throw malformed(name, "must begin with https://, as the issuer does");
    if (value.includes("#")) throw malformed(name, "must not contain #");
    if (UNSTORABLE.test(value)) throw malformed(name, "is not a URL");
    return value;
  };
  const list = (name: string): string[] | null => {
    const value = members[name];
    if (value === undefined || value === null) return null;
    if (!Array.isArray(value) || value.length > MAX_ITEMS || !value.every(isShortText))
      throw malformed(name, "is not a list of words");
    return value as string[];
  };
  const flag = members.authorization_response_iss_parameter_supported;
  if (flag !== undefined && flag !== null && typeof flag !== "boolean")
    throw malformed("authorization_response_iss_parameter_supported", "is neither true nor false");

  return {
    issuer,
    authUri: address("authorization_endpoint"),
    tokenUri: address("token_endpoint"),
    revocationUri: address("revocation_endpoint"),
    tokenEndpointAuthMethods: list("token_endpoint_auth_methods_supported"),
    codeChallengeMethods: list("code_challenge_methods_supported"),
    scopesSupported: list("scopes_supported"),
    issParameter: flag === true,
  };
}

function isShortText(value: unknown): boolean {
  return typeof value === "string" && value.length <= MAX_TEXT && !UNSTORABLE.test(value);
}

function otherIssuer(named: string, issuer: string): string {
  if (named === `${issuer}/`)
    return "This provider's issuer ends with a slash. Enter it exactly so: with the slash at the end.";
  if (`${named}/` === issuer)
    return "This provider's issuer has no slash at the end. Enter it exactly so: without the slash.";
  return `The metadata found there belongs to another issuer${shown(named)}. Enter the issuer exactly as the provider names it.`;
}

/** The name is the provider's text: shown only when it is a plain address. */
function shown(named: string): string {
  return named.length <= 200 && /^https?:\/\/[\w.~:/-]+$/.test(named) ? `, ${named}` : "";
}
