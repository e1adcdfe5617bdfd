import { parseArgs } from "node:util";
import { type Latchkey, LatchkeyError, latchkey } from "@/lib/sdk";
import { ask, readInput } from "./ask";
import { environment } from "./environment";
import { loginFile, readAddress, removeLogin, taskUser, writeLogin } from "./login-file";
import { UsageError } from "./usage-error";

/**
 * `latchkey login`: takes the key from standard input (a pipe) or asks for it, tries it, and keeps it in the login file. A key is never an
 * argument: other users of the machine see those.
 *
 * @throws UsageError, LatchkeyError when the key is refused
 */
export async function login(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { url: { type: "string" }, user: { type: "string" }, workspace: { type: "string" } },
  });
  const terminal = process.stdin.isTTY === true;
  const need = async (given: string | undefined, question: string, option: string): Promise<string> => {
    const answer = given || (terminal ? await ask(question) : "");
    if (!answer) throw new UsageError(`Say ${option}.`);
    return answer;
  };
  const address = await need(values.url ?? environment.url(), "Address of Latchkey: ", "--url https://…");
  const { origin: url, workspaceId } = readAddress(address, "--url");
  const apiKey = terminal ? await ask("API key (not shown): ", true) : (await readInput()).trim();
  if (!apiKey) throw new UsageError("No API key came. Pipe it in: latchkey login --url … < key-file");
  const task = taskUser(apiKey);
  const username = task ?? (await need(values.user ?? environment.username(), "Email: ", "--user you@example.com"));
  const given = values.workspace ?? workspaceId ?? environment.workspace();
  const api = latchkey({ baseUrl: url, auth: { username, apiKey } });
  const workspace = task
    ? await tried(api, await need(given, "Id of the workspace: ", "--workspace, the id of its workspace"))
    : await chosen(api, given);
  await writeLogin({ url, username, apiKey, workspace });
  process.stderr.write(`Signed in as ${username}. Kept in ${loginFile()}\n`);
}

/** A task identity cannot list workspaces. What it may do in its own is not asked for here, only whether it is let in. */
async function tried({ client }: Latchkey, workspaceId: string): Promise<string> {
  const path = `/v2/workspaces/${encodeURIComponent(workspaceId)}/secrets`;
  await client.list(path, { query: { "filter[name]": "-", "fields[auth-secret]": "name" } }).catch((error: unknown) => {
    if (!(error instanceof LatchkeyError) || error.status !== 403) throw error;
  });
  return workspaceId;
}

/** The workspace of this id or name, or the only one there is. */
async function chosen({ workspaces }: Latchkey, wanted: string | undefined): Promise<string> {
  const { data } = await workspaces.list();
  const found = wanted ? data.find(({ id, attributes }) => id === wanted || attributes.name === wanted) : data[0];
  if (found && (wanted || data.length === 1)) return found.id;
  const list = data.map(({ id, attributes }) => `  ${id}  ${attributes.name}`).join("\n");
  throw new UsageError(
    wanted ? `There is no workspace ${wanted} here. There are:\n${list}` : `Say --workspace, one of:\n${list}`,
  );
}

/** `latchkey logout`: the key is forgotten here; end it at Latchkey when it may be known to others. */
export async function logout(): Promise<void> {
  await removeLogin();
  process.stderr.write("Signed out here. The key itself still lives: delete it in Latchkey when nobody needs it.\n");
}
