import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { environment } from "./environment";
import { UsageError } from "./usage-error";

/** Where Latchkey is, who asks, and which workspace is meant. */
export interface Login {
  url: string;
  username: string;
  apiKey: string;
  workspace: string;
}

/** `$XDG_CONFIG_HOME/latchkey/login.json`, for its owner alone (0600). */
export function loginFile(): string {
  return join(environment.configHome() ?? join(homedir(), ".config"), "latchkey", "login.json");
}

const VARIABLES = {
  url: "LATCHKEY_URL",
  username: "LATCHKEY_USER",
  apiKey: "LATCHKEY_KEY",
  workspace: "LATCHKEY_WORKSPACE",
} as const;

/**
 * The login of `latchkey login`, each part replaced by its environment variable where there is one.
 *
 * @throws UsageError naming what is missing
 */
export async function readLogin(): Promise<Login> {
  const stored = await readStored();
  const login = { ...stored };
  for (const part of Object.keys(VARIABLES) as (keyof Login)[]) {
    const given = environment[part]();
    if (given) login[part] = given;
  }
  login.username ??= taskUser(login.apiKey);
  if (login.url) login.url = readAddress(login.url, VARIABLES.url).origin;
  const missing = (Object.keys(VARIABLES) as (keyof Login)[]).filter((part) => !login[part]);
  if (missing.length > 0)
    throw new UsageError(
      `Not signed in: ${missing.map((part) => VARIABLES[part]).join(", ")} missing. Run: latchkey login`,
    );
  return login as Login;
}

/**
 * Where Latchkey is; the address of a page of a workspace says that too, and which workspace.
 *
 * @param what names it for the complaint
 * @throws UsageError
 */
export function readAddress(text: string, what: string): { origin: string; workspaceId: string | undefined } {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new UsageError(`${what} must begin with https:// or http://, such as https://latchkey.example.com.`);
  const { origin, pathname } = new URL(text);
  return { origin, workspaceId: /^\/workspaces\/([0-9a-f]{24})(\/|$)/.exec(pathname)?.[1] };
}

/** `task-<id>`, which a task identity's key holds. */
export function taskUser(apiKey: string | undefined): string | undefined {
  const id = /^latchkey_task_([0-9a-f]{24})_/.exec(apiKey ?? "")?.[1];
  return id === undefined ? undefined : `task-${id}`;
}

async function readStored(): Promise<Partial<Login>> {
  let text: string;
  try {
    text = await readFile(loginFile(), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  try {
    return JSON.parse(text) as Partial<Login>;
  } catch {
    throw new UsageError(`${loginFile()} cannot be read as JSON. Run: latchkey login`);
  }
}

/** Never half written, and never readable for others. */
export async function writeLogin(login: Login): Promise<void> {
  const file = loginFile();
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

export async function removeLogin(): Promise<void> {
  await rm(loginFile(), { force: true });
}
