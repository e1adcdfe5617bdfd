import { expect, test } from "vitest";
import { type SecretForm, secretSchema, toCredentials } from "./secret-form";

const form = (values: SecretForm["values"]): SecretForm => ({
  type: "postgresql",
  name: "Orders",
  clientId: null,
  scopes: [],
  params: [],
  username: "",
  password: "",
  values,
  hosts: [],
  reveal: "step_up",
});
const schema = secretSchema({ client: false, values: true, stored: false });
const complaints = (given: SecretForm) =>
  (schema.safeParse(given).error?.issues ?? []).map(({ path, message }) => [path.join("."), message]);
const LOGIN = { host: "db.example.com", database: "orders", user: "reader", password: "a-password" };

test("what a field starts with counts as entered when nobody touches it", () => {
  expect(complaints(form(LOGIN))).toEqual([]);
  expect(toCredentials(form(LOGIN))).toMatchObject({ ...LOGIN, port: 5432, tls: "verify-full" });
});

test("what was emptied is missing, in words that leave TLS as it is", () => {
  expect(complaints(form({ ...LOGIN, port: "", tls: "" }))).toEqual([
    ["values.port", "Enter the port."],
    ["values.tls", "Enter the TLS."],
  ]);
});
