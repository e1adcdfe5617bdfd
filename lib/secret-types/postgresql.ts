import { databaseLogin, LOGIN_VISIBLE, loginFields } from "./database-login";
import type { SecretType } from "./secret-type";

const PORT = 5432;

/** A login to a PostgreSQL database. */
export const postgresql = {
  name: "postgresql",
  label: "PostgreSQL",
  summary: "A login to a PostgreSQL database, for SQL statements.",
  needsClient: false,
  client: null,
  credentials: databaseLogin(PORT),
  visible: LOGIN_VISIBLE,
  fields: loginFields(PORT),
  injects: null,
} satisfies SecretType;
