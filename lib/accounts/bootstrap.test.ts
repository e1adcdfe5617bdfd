import { beforeEach, describe, expect, test, vi } from "vitest";
import { POST as check } from "@/app/api/setup/check/route";
import { POST as setup } from "@/app/api/setup/route";
import { INSTANCE_TENANT } from "@/lib/access/scope";
import { issueResetCode, prepareFirstStart } from "@/lib/accounts/bootstrap";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { callerForKey } from "@/lib/accounts/callers";
import { provePassword } from "@/lib/accounts/prove-password";
import { callerForSession } from "@/lib/accounts/session-token";
import { install } from "@/lib/process";
import { makePerson, makeSession } from "@/lib/testing/callers";
import { TEST_URL, useDatabase } from "@/lib/testing/database";
import { call } from "@/lib/testing/http";

const database = useDatabase();
const FACTS = { requestId: "r", ip: null, userAgent: null, purpose: null };
const ORIGIN = { origin: TEST_URL };
const person = {
  email: "First@Example.com",
  password: "a long password",
  first_name: "Ada",
  last_name: "L",
  tenant: "Acme",
};
const post = (handler: typeof setup, json: unknown, headers: Record<string, string> = ORIGIN) =>
  call(handler, { method: "POST", url: "/api/setup", json, headers });
const counts = async () => {
  const [row] = await database.owner`select (select count(*)::int from users) as users,
    (select count(*)::int from tenants) as tenants, (select count(*)::int from contracts) as contracts,
    (select count(*)::int from workspaces) as workspaces, (select count(*)::int from api_keys) as keys,
    (select count(*)::int from one_time_codes) as codes`;
  return row;
};

beforeEach(async () => {
  install("settings", database.settings);
  for (const table of [
    "users",
    "tenants",
    "contracts",
    "workspaces",
    "memberships",
    "api_keys",
    "sessions",
    "one_time_codes",
    "sign_in_failures",
  ])
    await database.owner`delete from ${database.owner(table)}`;
  forgetCallers();
  vi.useRealTimers();
});

describe("LATCHKEY_BOOTSTRAP_*", () => {
  const bootstrap = {
    email: "ops@example.com",
    password: "a long password",
    apiKey: "any text of 32 characters or more, :?/",
  };

  test("makes the first account once; several starts at once and later ones leave everything alone", async () => {
    install("settings", { ...database.settings, bootstrap });
    const starts = await Promise.all([1, 2, 3].map(() => prepareFirstStart()));
    expect(starts).toEqual(Array(3).fill({ setupCode: null }));
    expect(await counts()).toEqual({ users: 1, tenants: 2, contracts: 1, workspaces: 1, keys: 1, codes: 0 });
    const caller = await callerForKey("OPS%40example.com", bootstrap.apiKey, FACTS);
    expect(caller?.holdings.map((h) => `${h.scope.kind} ${h.role}`).sort()).toEqual([
      "contract owner",
      "global operator",
      "tenant owner",
      "workspace owner",
    ]);
    install("settings", {
      ...database.settings,
      bootstrap: { ...bootstrap, password: "another password", email: "b@example.com" },
    });
    await prepareFirstStart();
    expect((await counts())?.users).toBe(1);
    expect(await provePassword({ ...bootstrap, ip: null, device: null })).not.toBeNull();
  });
});

describe("the set-up link", () => {
  test("works once and makes an owner of everything", async () => {
    const { setupCode: code } = await prepareFirstStart();
    expect((await post(check, { code })).body).toEqual({ kind: "setup" });
    const answer = await post(setup, { ...person, code });
    expect(answer).toMatchObject({ status: 200, body: { email: "First@Example.com" } });
    const [tenant] = await database.owner`select name from tenants where tenant_id <> ${INSTANCE_TENANT}`;
    const [contract] = await database.owner`select name from contracts`;
    const [workspace] = await database.owner`select name from workspaces`;
    expect([tenant?.name, contract?.name, workspace?.name]).toEqual(["Acme", "Acme", "Default"]);
    expect((await post(setup, { ...person, code })).status).toBe(404);
    expect((await counts())?.users).toBe(1);
    expect(await prepareFirstStart()).toEqual({ setupCode: null });
    const dump = JSON.stringify(await database.owner`select * from one_time_codes`);
    expect(dump).not.toContain(code);
  });

  test("makes nobody once there is an account, however that came to be", async () => {
    const { setupCode: code } = await prepareFirstStart();
    await makePerson(null, { operator: true });
    const before = await counts();
    expect((await post(check, { code })).status).toBe(404);
    expect((await post(setup, { ...person, code })).status).toBe(404);
    expect(await counts()).toEqual(before);
  });

  test("used twice at the same moment it makes one account", async () => {
    const { setupCode: code } = await prepareFirstStart();
    const answers = await Promise.all(
      [1, 2, 3].map((i) => post(setup, { ...person, email: `p${i}@example.com`, code })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 404, 404]);
    expect((await counts())?.users).toBe(1);
  });

  test("each start ends the one before; after 24 hours it is dead", async () => {
    const { setupCode: first } = await prepareFirstStart();
    const { setupCode: second } = await prepareFirstStart();
    const wrong = await post(check, { code: first });
    expect(wrong.status).toBe(404);
    expect((await post(check, { code: second })).status).toBe(200);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 24 * 3_600_000 + 1 });
    const late = await post(check, { code: second });
    for (const code of ["x", "", "A".repeat(32), "' or 1=1"]) {
      const never = await post(check, { code });
      expect({ ...never.body.errors[0], id: "" }).toEqual({ ...wrong.body.errors[0], id: "" });
    }
    expect({ ...late.body.errors[0], id: "" }).toEqual({ ...wrong.body.errors[0], id: "" });
  });

  test("a worker shows nobody a code and ends none", async () => {
    const { setupCode } = await prepareFirstStart();
    install("settings", { ...database.settings, role: "worker" });
    expect(await prepareFirstStart()).toEqual({ setupCode: null });
    install("settings", database.settings);
    expect((await post(check, { code: setupCode })).status).toBe(200);
  });

  test("bad input keeps the code; foreign pages are refused; guessing is slowed", async () => {
    const { setupCode: code } = await prepareFirstStart();
    const bad = await post(setup, {
      ...person,
      code,
      password: "short",
      email: "no",
      first_name: "x".repeat(10_000),
      nonsense: 1,
    });
    expect(bad.status).toBe(400);
    expect(bad.body.errors.map((e: { source: { pointer: string } }) => e.source.pointer).sort()).toEqual([
      "/email",
      "/first_name",
      "/nonsense",
      "/password",
    ]);
    expect((await post(setup, { ...person, code, first_name: "a\0b" })).status).toBe(400);
    const { email: _email, ...nobody } = person;
    expect((await post(setup, { ...nobody, code })).body.errors[0].source.pointer).toBe("/email");
    for (const headers of [{}, { origin: "https://evil.example" }, { origin: "null" }] as Record<string, string>[])
      expect((await post(setup, { ...person, code }, headers)).status).toBe(403);
    expect((await post(check, { code })).status).toBe(200);
    const statuses = [];
    for (let i = 0; i < 14; i += 1) statuses.push((await post(check, { code: "A".repeat(32) })).status);
    expect(statuses.at(-1)).toBe(429);
  });
});

describe("the reset link", () => {
  test("sets a new password once and ends every session", async () => {
    const { setupCode } = await prepareFirstStart();
    await post(setup, { ...person, code: setupCode });
    const [user] = await database.owner`select id from users`;
    const session = (await makeSession(user?.id)).cookie?.split("=").slice(1).join("=") as string;
    expect(await callerForSession(session, FACTS)).not.toBeNull();
    const code = await issueResetCode("first@example.com");
    expect((await post(check, { code })).body).toEqual({ kind: "reset", email: "First@Example.com" });
    expect((await post(setup, { code, password: "a new long password" })).body).toEqual({ email: "First@Example.com" });
    expect(await callerForSession(session, FACTS)).toBeNull();
    expect((await post(setup, { code, password: "yet another password" })).status).toBe(404);
    const prove = (password: string) => provePassword({ email: person.email, password, ip: null, device: null });
    expect(await prove(person.password)).toBeNull();
    expect(await prove("a new long password")).not.toBeNull();
  });

  test("needs an account, and lasts an hour", async () => {
    await expect(issueResetCode("nobody@example.com")).rejects.toMatchObject({ code: "not_found" });
    const { setupCode } = await prepareFirstStart();
    await post(setup, { ...person, code: setupCode });
    const code = await issueResetCode(person.email);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_001 });
    expect((await post(check, { code })).status).toBe(404);
  });
});
