import { parseArgs } from "node:util";
import { oneLine, pairOf, TOKEN_USER } from "./credential-pair";
import { environment } from "./environment";
import { oneWord, words } from "./options";
import { printJson } from "./output";
import { signedIn } from "./read";

/** What other programs plug in to be given credentials: kubectl, the AWS tools, and whatever reads a netrc file. */

/** `latchkey kube-credential NAME`: an ExecCredential of kubectl, with the time it ends. */
export async function kubeCredential(args: string[]): Promise<void> {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const token = await (await signedIn()).secrets.getToken(oneWord(positionals));
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
  const name = oneWord(positionals);
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
  const [host = "", name = ""] = words(positionals, 2);
  const { username, password } = await pairOf(await signedIn(), name, values.username ?? TOKEN_USER);
  process.stdout.write(`machine ${host} login ${quoted(username)} password ${quoted(password)}\n`);
}

function quoted(text: string): string {
  oneLine(text, "a netrc file");
  return /^[\w.@+~/=-]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, "\\$&")}"`;
}
