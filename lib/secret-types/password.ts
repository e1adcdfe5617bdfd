import { z } from "zod";
import { requiredText } from "./free-form";
import type { SecretType } from "./secret-type";

/** One value, whatever the other side calls it: password, token, licence key. */
export const password = {
  name: "password",
  label: "Password",
  summary: "One value: a password, a token, a licence key.",
  needsClient: false,
  client: null,
  credentials: z.strictObject({ password: requiredText }),
  visible: [],
  fields: [{ name: "password", label: "Password", kind: "secret", generate: "password", required: true }],
  injects: ({ password }) => [["authorization", `Bearer ${String(password)}`]],
} satisfies SecretType;
