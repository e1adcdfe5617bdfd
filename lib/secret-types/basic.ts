import { z } from "zod";
import { freeForm, requiredText, secretText } from "./free-form";
import { basicAuthorization, type SecretType } from "./secret-type";

/** User name and password, sent as HTTP Basic (RFC 7617). A user name cannot hold a colon. */
export const basic = {
  name: "basic",
  label: "Basic auth",
  summary: "User name and password.",
  needsClient: false,
  client: freeForm,
  credentials: z.looseObject({
    username: requiredText.refine((text) => !text.includes(":"), "must not contain a colon (RFC 7617)"),
    password: secretText,
  }),
  visible: [],
  fields: [
    { name: "username", label: "User name", kind: "text", required: true },
    { name: "password", label: "Password", kind: "secret", generate: "password", required: true },
  ],
  injects: ({ username, password }) => [["authorization", basicAuthorization(`${username ?? ""}:${password ?? ""}`)]],
  opens: "basic",
} satisfies SecretType;
