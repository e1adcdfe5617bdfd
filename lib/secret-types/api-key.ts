import { z } from "zod";
import { freeForm } from "./free-form";
import { headerName, headerValue } from "./http-header";
import type { SecretType } from "./secret-type";

/** One header with a key; member names as the contract's clients read them (CONTRACT section 2, "Types"). */
export const apiKey = {
  name: "api_key",
  label: "API key",
  summary: "One key, sent in a header of your choice.",
  needsClient: false,
  client: freeForm,
  credentials: z.looseObject({ headerName, headerValue }),
  visible: [],
  fields: [
    { name: "headerName", label: "Header name", placeholder: "X-API-Key", kind: "text", required: true },
    { name: "headerValue", label: "Key", kind: "secret", required: true },
  ],
  injects: ({ headerName, headerValue }) => [[String(headerName), String(headerValue)]],
  opens: "header",
} satisfies SecretType;
