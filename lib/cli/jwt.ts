import { parseArgs } from "node:util";
import type { JwtOrder, JwtWanted } from "@/lib/sdk";
import { readInput } from "./ask";
import { oneArgument, wholeSeconds } from "./options";
import { print, printJson } from "./output";
import { signedIn } from "./read";
import { UsageError } from "./usage-error";

/** `latchkey sign NAME [--claims JSON] [--lifetime S]`: a signed token; claims from standard input with `--claims -`. */
export async function sign(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { claims: { type: "string" }, lifetime: { type: "string" } },
  });
  const name = oneArgument(positionals, "latchkey sign NAME [--claims JSON] [--lifetime S]");
  const claims = claimsOf(values.claims === "-" ? await readInput() : (values.claims ?? "{}"));
  const lifetime = wholeSeconds("--lifetime", values.lifetime);
  print(await (await signedIn()).Jose.signJws(name, claims, lifetime === undefined ? {} : { lifetime }));
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
    },
  });
  const name = oneArgument(positionals, "latchkey verify NAME < token");
  const token = (await readInput()).trim();
  if (!token) throw new UsageError("No token came. Pipe it in: latchkey verify NAME < token");
  const options: JwtWanted = { ...values };
  printJson(await (await signedIn()).Jose.verifyJws(name, token, options));
}

function claimsOf(text: string): JwtOrder["claims"] {
  try {
    const claims: unknown = JSON.parse(text);
    if (typeof claims === "object" && claims !== null && !Array.isArray(claims)) return { ...claims };
  } catch {
    // Said below, together with JSON that is no object.
  }
  throw new UsageError('--claims is a JSON object, such as {"sub":"order-7"}.');
}
