import { isUtf8 } from "node:buffer";
import { z } from "zod";
import type { Resource } from "@/lib/http/json-api";

/** Requests with a secret on the wire, in and out. */

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

/** `POST …/secrets/{s}/request`: what to send. */
export const requestBody = z
  .strictObject({
    method: z.enum(METHODS, `must be one of ${METHODS.join(", ")}`).default("GET"),
    url: z
      .string("must be a URL such as https://api.example.com/v1/me")
      .max(16_000, "must have 16,000 characters at most")
      .superRefine((text, context) => {
        const message = urlComplaint(text);
        if (message) context.addIssue({ code: "custom", message });
      }),
    headers: z.record(z.string(), z.string("must be text"), "must be an object of header names and values").default({}),
    body: z.string("must be text; send bytes as body_base64").optional(),
    body_base64: z.base64("must be base64").optional(),
  })
  .refine((given) => given.body === undefined || given.body_base64 === undefined, {
    path: ["body_base64"],
    message: "must not be given together with body",
  });

export type RequestBody = z.infer<typeof requestBody>;

/** What is wrong with the form of a URL to call, or null. */
export function urlComplaint(text: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u0020\u007f]/.test(text)) return "must not contain spaces or control characters";
  if (!URL.canParse(text)) return "must be a URL such as https://api.example.com/v1/me";
  const { protocol, username, password } = new URL(text);
  if (protocol !== "https:" && protocol !== "http:") return "must begin with https://";
  return username !== "" || password !== "" ? "must not contain a user name or password" : null;
}

/** What came back, already masked. */
export interface RequestAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  /** From the first byte sent to the last received, every try counted. */
  durationMs: number;
  tries: number;
  /** How often the secret's value was found in the answer and covered. */
  masked: number;
}

export function toResponseResource(secretId: string, answer: RequestAnswer): Resource {
  const { body } = answer;
  const text = isUtf8(body) && !body.includes(0);
  return {
    id: secretId,
    type: "response",
    attributes: {
      status: answer.status,
      headers: answer.headers,
      ...(text ? { body: body.toString("utf8") } : { body_base64: body.toString("base64") }),
      duration_ms: Math.round(answer.durationMs),
      tries: answer.tries,
      masked: answer.masked,
    },
  };
}
