import { parseArgs } from "node:util";
import type { JwtOrder, JwtWanted } from "@/lib/sdk";
import { readInput, readText } from "./ask";
import { oneWord, wholeSeconds } from "./options";
import { print, printJson } from "./output";
import { signedIn } from "./read";
import { UsageError } from "./usage-error";

/** `latchkey sign NAME`: a signed token of `--claims`, or a signed text of `--payload`; `-` reads them from standard input. */
export async function sign(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      claims: { type: "string" },
      lifetime: { type: "string" },
      payload: { type: "string" },
      typ: { type: "string" },
    },
  });
  const name = oneWord(positionals);
  const lifetime = wholeSeconds("--lifetime", values.lifetime);
  const typ = values.typ === undefined ? {} : { typ: values.typ };
  if (values.payload !== undefined) {
    if (values.claims !== undefined || lifetime !== undefined)
      throw new UsageError("--payload is a text that is no token: it has no --claims and no --lifetime.");
    const text = values.payload === "-" ? await readText("The text") : values.payload;
    return print(await (await signedIn()).Jose.signPayload(name, text, values.typ));
  }
  const claims = claimsOf(values.claims === "-" ? await readInput("The claims") : (values.claims ?? "{}"));
  const options = { ...(lifetime === undefined ? {} : { lifetime }), ...typ };
  print(await (await signedIn()).Jose.signJws(name, claims, options));
}

/** `latchkey verify NAME`: the claims of the token on standard input, when it is good; exit code 1 and why when it is not. */
export async function verify(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      issuer: { type: "string" },
      audience: { type: "string" },
      subject: { type: "string" },
      scope: { type: "string" },
      payload: { type: "boolean" },
    },
  });
  const { payload = false, ...wanted } = values;
  const name = oneWord(positionals);
  if (payload && Object.keys(wanted).length > 0)
    throw new UsageError("--payload is a text that is no token: nothing else can be asked of it.");
  const token = await readToken();
  const { Jose } = await signedIn();
  if (payload) print(await Jose.verifyPayload(name, token));
  else printJson(await Jose.verifyJws(name, token, wanted satisfies JwtWanted));
}

/** `latchkey encrypt NAME`: standard input, to the last character, for the key pair's holder. */
export async function encrypt(args: string[]): Promise<void> {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const name = oneWord(positionals);
  const text = await readText("The text");
  print(await (await signedIn()).Jose.encryptJwe(name, text));
}

/** `latchkey decrypt NAME`: the text of the token on standard input. */
export async function decrypt(args: string[]): Promise<void> {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const name = oneWord(positionals);
  const token = await readToken();
  print(await (await signedIn()).Jose.decryptJwe(name, token));
}

async function readToken(): Promise<string> {
  const token = (await readInput("The token")).trim();
  if (!token) throw new UsageError("No token came on standard input. Pipe it in: … < token");
  return token;
}

function claimsOf(text: string): NonNullable<JwtOrder["claims"]> {
  try {
    const claims: unknown = JSON.parse(text);
    if (typeof claims === "object" && claims !== null && !Array.isArray(claims)) return { ...claims };
  } catch {
    // Said below, together with JSON that is no object.
  }
  throw new UsageError('--claims is a JSON object, such as {"sub":"order-7"}.');
}
