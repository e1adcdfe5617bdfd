import { z } from "zod";
import { headerName, headerValue } from "./http-header";
import type { SecretType } from "./secret-type";

const MAX_HEADERS = 50;
/** Names and values together: what servers take in a head, and what an outbound request may carry (SECURITY SS-7). */
const MAX_CHARACTERS = 16 * 1024;

const headers = z
  .record(z.string(), z.string("must be text"), "must be an object of header names and values")
  .superRefine((given, context) => {
    const say = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    const names = Object.keys(given);
    if (names.length === 0) say([], "must have one header at least");
    if (names.length > MAX_HEADERS) say([], `must be ${MAX_HEADERS} headers at most`);
    if (Object.entries(given).reduce((sum, [name, value]) => sum + name.length + value.length, 0) > MAX_CHARACTERS)
      say([], "must be 16 KB at most, all names and values together");
    const seen = new Set<string>();
    for (const [name, value] of Object.entries(given)) {
      const wrong = headerName.safeParse(name).error ?? headerValue.safeParse(value).error;
      if (wrong) say([name], wrong.issues[0]?.message ?? "cannot be sent");
      else if (seen.has(name.toLowerCase())) say([name], "is given twice; header names do not tell capitals apart");
      seen.add(name.toLowerCase());
    }
  });

/** Any number of headers, sent together. */
export const httpHeaders = {
  name: "http_headers",
  label: "HTTP headers",
  summary: "Several headers, sent together.",
  needsClient: false,
  client: null,
  credentials: z.strictObject({ headers }),
  visible: [],
  fields: [
    {
      name: "headers",
      label: "Headers",
      kind: "pairs",
      noun: "Header",
      help: "Paste a list of “Name: value” lines into an empty name to fill many rows.",
      required: true,
    },
  ],
  injects: (credentials) => Object.entries(headers.parse(credentials.headers)),
} satisfies SecretType;
