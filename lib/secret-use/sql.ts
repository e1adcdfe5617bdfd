import { type Caller, holds } from "@/lib/access/caller";
import type { Permission } from "@/lib/access/permissions";
import type { WorkspaceScope } from "@/lib/access/scope";
import { type AuditFact, recordNow } from "@/lib/audit/record";
import type { Cancel } from "@/lib/cancel";
import { mac } from "@/lib/crypto/mac";
import { AppError } from "@/lib/errors";
import type { Resource } from "@/lib/http/json-api";
import type { DatabaseLogin } from "@/lib/secret-types/database-login";
import { openForRequest } from "@/lib/secrets/opened";
import { permitted } from "@/lib/secrets/permitted";
import type { RequestRow } from "@/lib/secrets/rows";
import { findSecret } from "@/lib/secrets/service";
import { readLoginAudited } from "@/lib/secrets/used";
import { SqlError } from "./sql/failure";
import { firstWord } from "./sql/first-word";
import type { Engine } from "./sql/messages";
import { type SqlThread, sqlThreads } from "./sql/threads";
import { sqlComplaint } from "./sql-complaint";
import { type SqlBody, sqlAnswerJson, toTestResource } from "./sql-resource";
import { limitTests } from "./test-limit";

/** Use cases of a secret that is a database login: the fourth door of a value (HOUSE sentence 4). */

const USE: Permission = "workspaces.auth_secret.use";
const EDIT: Permission = "workspaces.auth_secret.edit";

/** A login to test: stored, or typed and not saved. */
export interface LoginToTest {
  engine: Engine;
  login: DatabaseLogin;
  /** Of a secret that is there. */
  secret: { id: string; name: string; generation: number } | null;
  /** Whether the login is what is stored. */
  saved: boolean;
}

interface OpenLogin {
  name: string;
  generation: number;
  engine: Engine;
  login: DatabaseLogin;
}

async function openLogin(row: RequestRow): Promise<OpenLogin> {
  if (row.type !== "postgresql" && row.type !== "mysql")
    throw new AppError("bad_request", `A secret of type ${row.type} is no login to a database.`);
  const open = await openForRequest(row);
  if (open.kind !== "static") throw new AppError("integrity_failure", "The stored type of this secret is not its own.");
  return {
    name: row.name,
    generation: row.generation,
    engine: row.type,
    login: open.values.reveal() as unknown as DatabaseLogin,
  };
}

/**
 * Runs one statement with the secret's login and gives the whole answer as JSON text. Recorded before it is sent: host, the statement's
 * first word and keyed hash, never the statement or a value. A connection that is there begins meanwhile.
 *
 * @throws AppError statement_failed, database_fault, throttled, bad_request, not_found, forbidden, audit_unavailable
 */
export async function runStatement(
  caller: Caller,
  workspaceId: string,
  id: string,
  body: SqlBody,
  gone: Cancel,
): Promise<string> {
  const scope = await permitted(caller, USE, workspaceId, id);
  const { statement, params, read_only: readOnly, max_rows: maxRows } = body;
  const detail = {
    command: firstWord(statement),
    statement: mac("statement", `${scope.tenantId} ${statement}`).slice(0, 16),
    read_only: readOnly,
  };
  const kept = sqlThreads().kept(scope.tenantId, id);
  const begun = kept?.thread.begin(readOnly) ?? null;
  try {
    const { login, engine, generation, fact } = await release(caller, scope, id, detail, kept);
    const began = performance.now();
    try {
      const thread = sqlThreads().of({ tenantId: scope.tenantId, secretId: id, generation }, engine, () => login);
      const ask = { statement, params, readOnly, maxRows };
      const answer = await thread.run(ask, gone, thread === kept?.thread ? begun : null);
      return sqlAnswerJson(id, answer, performance.now() - began);
    } catch (error) {
      throw await explained(caller, scope, login, fact, error);
    }
  } finally {
    if (begun !== null) kept?.thread.leave(begun);
  }
}

/**
 * The login, its use on record. A thread that is kept knows the host before the row is read, so that one statement of Latchkey's database can
 * do both; the row decides whether it is still the one.
 */
async function release(
  caller: Caller,
  scope: WorkspaceScope,
  id: string,
  detail: Record<string, unknown>,
  kept: { thread: SqlThread; generation: number } | null,
): Promise<OpenLogin & { fact: AuditFact }> {
  const known = kept && { host: kept.thread.host, generation: kept.generation };
  const recorded = known && (await readLoginAudited(caller, scope, id, detail, known));
  const opened = await openLogin(recorded ?? (await findSecret(caller, scope, id, USE)));
  const fact = {
    tenantId: scope.tenantId,
    workspaceId: scope.workspaceId,
    action: "secret.sql",
    target: { type: "auth-secret", id, name: opened.name },
    generation: opened.generation,
    host: opened.login.host,
    detail,
  };
  if (!recorded) await recordNow(caller, fact);
  return { ...opened, fact };
}

/** A stored login to test. @throws AppError integrity_failure */
export async function storedLogin(row: RequestRow): Promise<LoginToTest> {
  const { engine, login, name, generation } = await openLogin(row);
  return { engine, login, secret: { id: row.id, name, generation }, saved: true };
}

/**
 * Logs in and asks the server what it is, on a connection of its own. On record is where it went, and of what was only typed nothing else.
 *
 * @throws AppError database_fault in words that say what to mend; throttled, audit_unavailable
 */
export async function testConnection(
  caller: Caller,
  scope: WorkspaceScope,
  { engine, login, secret, saved }: LoginToTest,
  signal: AbortSignal,
): Promise<Resource> {
  await limitTests(caller);
  const fact: AuditFact = {
    tenantId: scope.tenantId,
    workspaceId: scope.workspaceId,
    action: "secret.tested",
    target: { type: "auth-secret", id: secret?.id ?? null, name: secret?.name ?? null },
    generation: saved ? (secret?.generation ?? null) : null,
    host: login.host,
    ...(saved ? {} : { detail: { saved } }),
  };
  await recordNow(caller, fact);
  const began = performance.now();
  let thread: SqlThread | null = null;
  try {
    thread = sqlThreads().forTest(scope.tenantId, engine, login);
    return toTestResource(secret?.id ?? null, await thread.test(signal), performance.now() - began);
  } catch (error) {
    throw await explained(caller, scope, login, fact, error);
  } finally {
    thread?.retire();
  }
}

/** A destination that the policy forbids is on record as refused, besides the entry of the attempt. */
async function explained(
  caller: Caller,
  scope: WorkspaceScope,
  login: DatabaseLogin,
  fact: AuditFact,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof SqlError)) return error;
  const { failure } = error;
  if (failure.kind === "forbidden_address")
    await recordNow(caller, { ...fact, outcome: "denied", detail: { ...fact.detail, reason: failure.kind } });
  return sqlComplaint(failure, login, holds(caller, EDIT, scope) ? "edit" : "use");
}
