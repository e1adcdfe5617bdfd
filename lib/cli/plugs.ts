import { parseArgs } from "node:util";
import { LatchkeyError } from "@/lib/sdk";
import { readInput } from "./ask";
import { pairOf } from "./credential-pair";
import { environment } from "./environment";
import { oneArgument } from "./options";
import { printJson } from "./output";
import { signedIn } from "./read";
import { UsageError } from "./usage-error";

/** What other programs plug in to be given credentials: git, docker, kubectl, the AWS tools, and whatever reads a netrc file. */

/** GitHub, GitLab and Bitbucket take a token as the password of this user. */
const TOKEN_USER = "oauth2";

/**
 * `latchkey git-credential NAME get|store|erase` (gitcredentials(7)). `erase` is git's word for "refused": an access token is reported, so
 * that the next `get` has a newer one. `store` has nothing to do.
 */
export async function gitCredential(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { username: { type: "string" } },
  });
  const [name, operation, ...more] = positionals;
  if (!name || !operation || more.length > 0) throw new UsageError("latchkey git-credential NAME get|store|erase");
  const asked = new Map(
    (await readInput())
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  const latchkey = await signedIn();
  if (operation === "get") {
    const { username, password } = await pairOf(latchkey, name, values.username ?? asked.get("username") ?? TOKEN_USER);
    process.stdout.write(`username=${oneLine(username)}\npassword=${oneLine(password)}\n`);
  }
  if (operation === "erase") {
    const token = await latchkey.secrets.getToken(name, { minimumValidity: 0 }).catch((error: unknown) => {
      // No token, so nothing of ours was refused.
      if (error instanceof LatchkeyError && error.status === 400) return null;
      throw error;
    });
    if (token && token.access_token === asked.get("password")) await latchkey.secrets.refused(name, token.fingerprint);
  }
}

/** git's lines cannot hold an end of line. */
function oneLine(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new UsageError("The value has more than one line, which git cannot be given.");
  return text;
}

/** `latchkey docker-credential NAME get|store|erase|list`: docker's helper protocol, the registry's address on standard input. */
export async function dockerCredential(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { username: { type: "string" } },
  });
  const [name, operation] = positionals;
  if (!name || !operation) throw new UsageError("latchkey docker-credential NAME get|store|erase|list");
  if (operation === "list") return printJson({});
  const server = (await readInput()).trim();
  if (operation !== "get") return;
  // Docker takes a token as the password of this user.
  const { username, password } = await pairOf(await signedIn(), name, values.username ?? "<token>");
  printJson({ ServerURL: server, Username: username, Secret: password });
}

/** `latchkey kube-credential NAME`: an ExecCredential of kubectl, with the time it ends. */
export async function kubeCredential(args: string[]): Promise<void> {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const token = await (await signedIn()).secrets.getToken(oneArgument(positionals, "latchkey kube-credential NAME"));
  printJson({
    apiVersion: askedVersion(environment.kubernetesExecInfo()) ?? "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: {
      token: token.access_token,
      ...(token.expires_at === null ? {} : { expirationTimestamp: token.expires_at }),
    },
  });
}

/** The version kubectl asks for, of the two there are. */
function askedVersion(info: string | undefined): string | undefined {
  return /"(client\.authentication\.k8s\.io\/v1(?:beta1)?)"/.exec(info ?? "")?.[1];
}

/** `latchkey aws-credential-process NAME`: a `basic` secret of access key id and secret access key, as `credential_process` wants it. */
export async function awsCredentialProcess(args: string[]): Promise<void> {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const name = oneArgument(positionals, "latchkey aws-credential-process NAME");
  const { username, password } = await (await signedIn()).secrets.getBasicAuth(name);
  printJson({ Version: 1, AccessKeyId: username, SecretAccessKey: password });
}

/** `latchkey netrc HOST NAME`: a line for a netrc file, such as `curl --netrc-file <(latchkey netrc api.example.com CRM) …`. */
export async function netrc(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { username: { type: "string" } },
  });
  const [host, name, ...more] = positionals;
  if (!host || !name || more.length > 0) throw new UsageError("latchkey netrc HOST NAME");
  const { username, password } = await pairOf(await signedIn(), name, values.username ?? TOKEN_USER);
  process.stdout.write(`machine ${host} login ${quoted(username)} password ${quoted(password)}\n`);
}

function quoted(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new UsageError("The value has more than one line, which a netrc file cannot hold.");
  return /^[\w.@+~/=-]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
