import { z } from "zod";
import { freeForm, requiredText } from "./free-form";
import type { SecretType } from "./secret-type";

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** One header with a key; member names as the contract's clients read them (CONTRACT section 2, "Types"). */
export const apiKey = {
  name: "api_key",
  label: "API key",
  summary: "One key, sent in a header of your choice.",
  needsClient: false,
  client: freeForm,
  credentials: z.looseObject({
    headerName: requiredText.max(200).regex(HEADER_NAME, "must be an HTTP header name such as X-API-Key"),
    headerValue: requiredText.refine((text) => !/[\r\n\0]/.test(text), "must be one line"),
  }),
  visible: [],
  fields: [
    { name: "headerName", label: "Header name", placeholder: "X-API-Key", kind: "text", required: true },
    { name: "headerValue", label: "Key", kind: "secret", required: true },
  ],
  injects: ({ headerName, headerValue }) => [[String(headerName), String(headerValue)]],
} satisfies SecretType;
