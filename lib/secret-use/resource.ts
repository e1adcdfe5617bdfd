import { isUtf8 } from "node:buffer";
import { z } from "zod";
import type { Resource } from "@/lib/http/json-api";
import { HTTP_METHODS } from "@/lib/secret-types/http-methods";
import { templateComplaints } from "./templated-request";

/** Requests with a secret on the wire, in and out. */

/** `POST …/secrets/{s}/request`: what to send. */
export const requestBody = z
  .strictObject({
    method: z.enum(HTTP_METHODS, `must be one of ${HTTP_METHODS.join(", ")}`).default("GET"),
    url: z
      .string("must be a URL such as https://api.example.com/v1/me")
      .max(16_000, "must have 16,000 characters at most"),
    headers: z.record(z.string(), z.string("must be text"), "must be an object of header names and values").default({}),
    body: z.string("must be text; send bytes as body_base64").optional(),
    body_base64: z.base64("must be base64").optional(),
    /** False: `{{` is text like any other. */
    templates: z.boolean("must be true or false").default(true),
  })
  .refine((given) => given.body === undefined || given.body_base64 === undefined, {
    path: ["body_base64"],
    message: "must not be given together with body",
  })
  .superRefine((given, context) => {
    for (const { path, message } of templateComplaints(given)) context.addIssue({ code: "custom", path, message });
  });

export type RequestBody = z.infer<typeof requestBody>;

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
