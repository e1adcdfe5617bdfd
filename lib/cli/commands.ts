import { dockerCredential } from "./docker-credential";
import { exec } from "./exec";
import { gitCredential } from "./git-credential";
import { decrypt, encrypt, sign, verify } from "./jwt";
import { awsCredentialProcess, kubeCredential, netrc } from "./plugs";
import { get, list, token } from "./read";
import { request } from "./request";
import { login, logout } from "./sign-in";
import { sql } from "./sql";

export interface Command {
  /** Answers an exit code where it is not 0. */
  run(args: string[]): Promise<unknown>;
  usage: string;
  text: string;
  /** Lines of its own help: options, and what is to be known. */
  more?: string;
}

export const COMMANDS: Readonly<Record<string, Command>> = {
  login: {
    run: login,
    usage: "login [--url URL] [--user EMAIL] [--workspace ID]",
    text: "Keep an API key for this machine's user",
    more: `The key comes from standard input, or is asked for: latchkey login --url https://… < key-file
  --url URL        where Latchkey is; the address of one of its workspaces' pages will do, and says the workspace too
  --user EMAIL     whose key it is; not needed for a task identity's
  --workspace ID   id or name; not needed where there is only one`,
  },
  logout: { run: logout, usage: "logout", text: "Forget it" },
  list: {
    run: list,
    usage: "list [--json]",
    text: "The workspace's secrets, without their values",
  },
  get: {
    run: get,
    usage: "get NAME [MEMBER]",
    text: "A value",
    more: "Without MEMBER all of them as JSON; of a password secret the password. The key needs workspaces.auth_secret.get_credentials.",
  },
  token: {
    run: token,
    usage: "token NAME [--minimum-validity S] [--json]",
    text: "An access token that is valid now",
    more: `  --minimum-validity S   seconds that it must still live; 30 unless said
  --json                 with all that is known of it`,
  },
  request: {
    run: request,
    usage: "request NAME URL [-X METHOD] [-H HEADER] [-d DATA]",
    text: "A request that Latchkey makes with the secret",
    more: `To the secret's allowed hosts; the answer's body goes to standard output.
  -X, --request METHOD   GET unless said, POST with -d
  -H, --header HEADER    'Name: value', as often as there are; @FILE or @- for lines of a file or of standard input
  -d, --data DATA        the body; @FILE or @- for a file or standard input
  -i, --include          status and headers first
  -f, --fail             exit code 22 when the status is 400 or more
  --no-templates         {{ … }} is sent as it is
In the URL, in header values and in a JSON body {{ name.field }} stands for the value of a secret: {{ shop.username }}`,
  },
  sql: {
    run: sql,
    usage: "sql NAME STATEMENT [-p VALUE] … [--write]",
    text: "A statement at the secret's database",
    more: `Parameters are $1, $2 … in PostgreSQL and ? in MySQL. STATEMENT - reads it from standard input.
  -p, --param VALUE   the next parameter, as text
  --params JSON       all of them as an array; - reads it from standard input
  --write             it may write
  --json              rows as JSON`,
  },
  sign: {
    run: sign,
    usage: "sign NAME [--claims JSON | --payload TEXT]",
    text: "A token, or a text, signed with the secret's key",
    more: `  --claims JSON    an object; - reads it from standard input
  --lifetime S     seconds; the secret's own unless said, else 300
  --payload TEXT   a text that is no token; - reads it from standard input, to the last character
  --typ TYPE       the header's typ; JWT unless said, JOSE for a text`,
  },
  verify: {
    run: verify,
    usage: "verify NAME [--audience A] … [--payload]",
    text: "What the token on standard input says, if it is good",
    more: `Exit code 1, and why, when it is not.
  --issuer I, --audience A, --subject S, --scope S   what it must say
  --payload                                          it is a signed text, not a token`,
  },
  encrypt: { run: encrypt, usage: "encrypt NAME", text: "Standard input encrypted for the secret's key pair" },
  decrypt: { run: decrypt, usage: "decrypt NAME", text: "The text of what was encrypted so" },
  exec: {
    run: exec,
    usage: "exec --env VAR=NAME[.MEMBER] … -- COMMAND",
    text: "A command with values in its environment",
    more: "Its exit code is the command's. Without MEMBER it is the access token or the password. LATCHKEY_KEY is not handed on.",
  },
};

/** What other programs call. */
export const PLUGS: Readonly<Record<string, Command>> = {
  "git-credential": {
    run: gitCredential,
    usage: "git-credential [NAME] get|store|erase",
    text: "For git's credential.helper",
    more: `  git config credential.https://git.example.com.helper 'latchkey "Git server"'
calls git-credential-latchkey. Without NAME it is the secret named as the host.
  --username USER   beside a token or password; oauth2 unless git says one`,
  },
  "docker-credential": {
    run: dockerCredential,
    usage: "docker-credential [NAME] get|store|erase|list",
    text: "For docker's credHelpers and credsStore",
    more: `  {"credHelpers": {"registry.example.com": "latchkey"}}   in ~/.docker/config.json
calls docker-credential-latchkey, which takes the secret named as the registry: registry.example.com, for Docker Hub index.docker.io.
  --username USER   beside a token or password; oauth2 unless said, oauth2accesstoken at Google's registries`,
  },
  "kube-credential": { run: kubeCredential, usage: "kube-credential NAME", text: "For kubectl's exec plug-ins" },
  "aws-credential-process": {
    run: awsCredentialProcess,
    usage: "aws-credential-process NAME",
    text: "For AWS's credential_process",
    more: "A secret of type basic: access key id and secret access key.",
  },
  netrc: {
    run: netrc,
    usage: "netrc HOST NAME",
    text: "A line for curl and others",
    more: `  curl --netrc-file <(latchkey netrc api.example.com "Old system") https://api.example.com/
  --username USER   beside a token or password; oauth2 unless said`,
  },
};

export function commandOf(name: string): Command | undefined {
  for (const commands of [COMMANDS, PLUGS]) if (Object.hasOwn(commands, name)) return commands[name];
  return undefined;
}
