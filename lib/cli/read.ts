import { parseArgs } from "node:util";
import { createLatchkey, latchkey } from "@/lib/sdk";
import { readLogin } from "./login-file";
import { oneWord, wholeSeconds, words } from "./options";
import { print, printJson, table } from "./output";
import { UsageError } from "./usage-error";

/** The client of who is signed in. */
export async function signedIn() {
  const { url, username, apiKey, workspace } = await readLogin();
  return createLatchkey({ url, username, apiKey, workspace });
}

export interface ListedSecret {
  id: string;
  name: string;
  type: string;
  status: string;
  expires_at: string | null;
}

/** The workspace's secrets by name, without their values. */
export async function listSecrets(): Promise<ListedSecret[]> {
  const { url, username, apiKey, workspace } = await readLogin();
  const { client } = latchkey({ baseUrl: url, auth: { username, apiKey }, retries: 2 });
  const { data } = await client.list<{ id: string; attributes: Omit<ListedSecret, "id"> }>(
    `/v2/workspaces/${encodeURIComponent(workspace)}/secrets`,
    { query: { sort: "name", "fields[auth-secret]": "name,type,status,expires_at" } },
  );
  return data.map(({ id, attributes }) => ({ id, ...attributes }));
}

/** `latchkey list [--json]`. */
export async function list(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { json: { type: "boolean" } } });
  const secrets = await listSecrets();
  if (values.json) return printJson(secrets);
  if (secrets.length === 0) process.stderr.write("No secret is in this workspace yet.\n");
  else
    table(
      ["NAME", "TYPE", "STATUS", "ID"],
      secrets.map(({ name, type, status, id }) => [name, type, status, id]),
    );
}

/** `latchkey get NAME [MEMBER]`: one value as it is, or all of them as JSON. The password of a secret that is nothing else needs no name. */
export async function get(args: string[]): Promise<void> {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const [name = "", member] = words(positionals, 1, 2);
  const { type, values } = await (await signedIn()).secrets.getValues(name);
  const wanted = member ?? (type === "password" ? "password" : undefined);
  if (wanted === undefined) return printJson(values);
  const value = Object.hasOwn(values, wanted) ? values[wanted] : undefined;
  if (value === undefined)
    throw new UsageError(`“${name}” has no ${wanted}. It has: ${Object.keys(values).join(", ") || "nothing"}.`);
  if (typeof value === "string") print(value);
  else printJson(value);
}

/** `latchkey token NAME [--minimum-validity SECONDS] [--json]`: an access token that is valid now. */
export async function token(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { "minimum-validity": { type: "string" }, json: { type: "boolean" } },
  });
  const name = oneWord(positionals);
  const minimumValidity = wholeSeconds("--minimum-validity", values["minimum-validity"]);
  const found = await (await signedIn()).secrets.getToken(
    name,
    minimumValidity === undefined ? {} : { minimumValidity },
  );
  if (values.json) printJson(found);
  else print(found.access_token);
}
