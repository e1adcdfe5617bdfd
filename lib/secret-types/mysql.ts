import { databaseLogin, LOGIN_VISIBLE, loginFields } from "./database-login";
import type { SecretType } from "./secret-type";

const PORT = 3306;

/** A login to a MySQL or MariaDB database. */
export const mysql = {
  name: "mysql",
  label: "MySQL",
  summary: "A login to a MySQL or MariaDB database, for SQL statements.",
  needsClient: false,
  client: null,
  credentials: databaseLogin(PORT),
  visible: LOGIN_VISIBLE,
  fields: loginFields(PORT),
  injects: null,
} satisfies SecretType;
