import { freeForm } from "./free-form";
import type { SecretType } from "./secret-type";

export const noauth = {
  name: "noauth",
  label: "No auth",
  summary: "For services that ask for nothing.",
  needsClient: false,
  client: freeForm,
  credentials: freeForm,
  visible: [],
  fields: [],
  injects: () => [],
} satisfies SecretType;
