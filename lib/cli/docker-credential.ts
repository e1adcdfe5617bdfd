import { parseArgs } from "node:util";
import { readInput } from "./ask";
import { isUnknownName, type Pair, pairOf, TOKEN_USER } from "./credential-pair";
import { tellFailure } from "./failure";
import { words } from "./options";
import { print, printJson } from "./output";
import { listSecrets, signedIn } from "./read";
import { UsageError } from "./usage-error";

/** By these words docker knows that a helper has nothing, and goes on without. */
const NOT_FOUND = "credentials not found in native keychain";
/** Docker's own name for Docker Hub, and the host by which a secret for it is found. */
const HUB = { url: "https://index.docker.io/v1/", host: "index.docker.io" };
/** Of what is named as a host, which types hold a login. */
const WITH_LOGIN = new Set(["basic", "password", "oauth2"]);
/** Google's registries take an access token as the password of this user. */
const GOOGLE = /(^|\.)gcr\.io$|-docker\.pkg\.dev$/;

/**
 * `latchkey docker-credential [NAME] get|store|erase|list`: docker's helper protocol, the registry's address on standard input. Also
 * `docker-credential-latchkey`, which docker finds by `"credHelpers": {"registry.example.com": "latchkey"}`. Without a name it is the secret
 * named as the registry's host. Docker reads what went wrong from standard output.
 *
 * @returns 1 when it went wrong
 */
export async function dockerCredential(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { username: { type: "string" } },
  });
  const given = words(positionals, 1, 2);
  const name = given.length === 2 ? given[0] : undefined;
  try {
    await obey(given.at(-1) as string, name, values.username);
    return 0;
  } catch (error) {
    print(isUnknownName(error) ? NOT_FOUND : (await tellFailure(error)).text);
    return 1;
  }
}

async function obey(operation: string, name: string | undefined, username: string | undefined): Promise<void> {
  if (operation === "list") return list(name);
  const input = (await readInput("The registry's address")).trim();
  if (operation === "get") return printJson(asDocker(input, await loginFor(input, name, username)));
  if (operation === "store") return store(input, name, username);
  if (operation !== "erase")
    throw new UsageError(`docker-credential knows get, store, erase and list, not ${operation}.`);
  // Docker forgets; the secret stays where it is.
}

async function loginFor(server: string, name: string | undefined, username: string | undefined): Promise<Pair> {
  const host = hostOf(server);
  if (!host) throw new UsageError("no credentials server URL");
  return pairOf(await signedIn(), name ?? host, username ?? (GOOGLE.test(host) ? "oauth2accesstoken" : TOKEN_USER));
}

/** A login that is the secret's already is kept; another one is not Latchkey's to change from here. */
async function store(input: string, name: string | undefined, username: string | undefined): Promise<void> {
  const said = readStored(input);
  const server = String(said.ServerURL ?? "");
  const known = await loginFor(server, name, username).catch((error: unknown) => {
    if (isUnknownName(error)) return null;
    throw error;
  });
  if (known && known.username === said.Username && known.password === said.Secret) return;
  throw new UsageError(
    `Nothing was stored: Latchkey hands logins out. ${known ? "Change" : "Add"} the secret “${name ?? hostOf(server)}” there.`,
  );
}

function readStored(input: string): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(input);
    if (typeof said === "object" && said !== null) return { ...said };
  } catch {
    // Said below, together with JSON that is no object.
  }
  throw new UsageError("What is to be stored came as no JSON object with ServerURL, Username and Secret.");
}

/** The registries that have a secret of their name. Who logs in there is read only when a login is asked for. */
async function list(name: string | undefined): Promise<void> {
  const secrets = name === undefined ? await listSecrets() : [];
  const named = secrets.filter(
    ({ type, name: host }) => WITH_LOGIN.has(type) && /^[\w-]+(\.[\w-]+)+(:\d+)?$/.test(host),
  );
  printJson(Object.fromEntries(named.map(({ name: host }) => [host === HUB.host ? HUB.url : host, ""])));
}

const asDocker = (server: string, { username, password }: Pair) => ({
  ServerURL: server,
  Username: username,
  Secret: password,
});

/** `registry.example.com:5000` of an address with or without scheme and path. */
const hostOf = (server: string) => server.replace(/^[a-z]+:\/\//i, "").split("/", 1)[0] ?? "";
