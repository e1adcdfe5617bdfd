import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RequestFacts } from "@/lib/access/caller";
import { newApiKey } from "@/lib/accounts/api-key-format";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { callerForKey } from "@/lib/accounts/callers";
import { markKeyExposed } from "@/lib/accounts/exposed-keys";
import * as keyStore from "@/lib/accounts/key-store";
import { newId } from "@/lib/ids";
import { makePerson, makePlace, makeTask, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";

const database = useDatabase();
const FACTS: RequestFacts = { requestId: "r", ip: "192.0.2.1", userAgent: null, purpose: null };
let place: Place;
let person: Person;

beforeEach(async () => {
  forgetCallers();
  place = await makePlace();
  person = await makePerson(place, OWNER);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const ask = (user: string, key: string) => callerForKey(user, key, FACTS);

test("a person's key gives the person with every membership", async () => {
  const caller = await ask(person.email, person.key);
  expect(caller).toMatchObject({ kind: "user", id: person.id, via: "api-key", credentialId: person.keyId });
  expect(caller?.holdings.map((h) => h.scope.kind).sort()).toEqual(["contract", "tenant", "workspace"]);
  expect(caller?.request).toBe(FACTS);
  expect(caller).not.toHaveProperty("expiresAtMs");
});

test("the user name is the owner's e-mail in any case, raw or percent-encoded; no other", async () => {
  for (const user of [person.email, person.email.toUpperCase(), encodeURIComponent(person.email)])
    expect(await ask(user, person.key)).not.toBeNull();
  const other = await makePerson(place);
  for (const user of [other.email, "", "%E0%A4%A", `task-${person.keyId}`])
    expect(await ask(user, person.key)).toBeNull();
});

test("a task identity holds one workspace and what it was given", async () => {
  const task = await makeTask(place, ["workspaces.auth_secret.get_credentials", "no.such.permission"]);
  const caller = await ask(task.username, task.key);
  expect(caller).toMatchObject({ kind: "task", id: task.id, userId: null, email: null });
  expect(caller?.holdings).toHaveLength(1);
  expect(caller?.holdings[0]?.scope).toEqual({ kind: "workspace", ...place });
  expect([...(caller?.holdings[0]?.permissions ?? [])].sort()).toEqual([
    "workspaces.auth_secret.get",
    "workspaces.auth_secret.get_credentials",
    "workspaces.auth_secret.use",
  ]);
});

test("a mistyped key of ours is refused without the database", async () => {
  const look = vi.spyOn(keyStore, "findKeyByMac");
  expect(await ask(person.email, `${person.key.slice(0, -1)}${person.key.endsWith("a") ? "b" : "a"}`)).toBeNull();
  expect(look).not.toHaveBeenCalled();
  expect(await ask(person.email, newApiKey("pat", newId()))).toBeNull();
  expect(look).toHaveBeenCalledOnce();
});

test("an expired key is none, and one that expires while remembered ends on time", async () => {
  const ends = new Date(Date.now() + 60_000);
  const short = await makePerson(place, {}, { keyExpiresAt: ends });
  expect(await ask(short.email, short.key)).not.toBeNull();
  vi.useFakeTimers({ toFake: ["Date"], now: ends.getTime() });
  expect(await ask(short.email, short.key)).toBeNull();
});

test("a remembered key costs no look-up; a revoked one is dead within 5 s even in a process that was not told", async () => {
  const look = vi.spyOn(keyStore, "findKeyByMac");
  for (let i = 0; i < 20; i += 1) expect(await ask(person.email, person.key)).not.toBeNull();
  expect(look).toHaveBeenCalledOnce();
  await database.owner`delete from api_keys where id = ${person.keyId}`;
  expect(await ask(person.email, person.key)).not.toBeNull();
  vi.spyOn(performance, "now").mockReturnValue(performance.now() + 5_000);
  expect(await ask(person.email, person.key)).toBeNull();
});

test("many at once are one look-up; unknown keys are remembered too", async () => {
  const look = vi.spyOn(keyStore, "findKeyByMac");
  const unknown = "some text that is no key of anybody here";
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(person.email, unknown)));
  expect(answers.every((answer) => answer === null)).toBe(true);
  expect(await ask(person.email, unknown)).toBeNull();
  expect(look).toHaveBeenCalledOnce();
});

test("the last use is noted at most once a minute", async () => {
  const touch = vi.spyOn(keyStore, "touchKey");
  for (let i = 0; i < 5; i += 1) await ask(person.email, person.key);
  expect(touch).toHaveBeenCalledOnce();
  await touch.mock.results[0]?.value;
  const [row] = await database.owner`select last_used_at from api_keys where id = ${person.keyId}`;
  expect(Date.now() - row?.last_used_at.getTime()).toBeLessThan(5_000);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
  await ask(person.email, person.key);
  expect(touch).toHaveBeenCalledTimes(2);
  await touch.mock.results[1]?.value;
});

test("a key seen in a URL is marked and recorded once; other text is nothing", async () => {
  await markKeyExposed(`x${person.key}y`, FACTS);
  await markKeyExposed("a text of no meaning that is long enough to be looked at", FACTS);
  const count = () => database.owner`select count(*)::int as n from audit_entries where action = 'api_key.exposed'`;
  expect((await count())[0]?.n).toBe(0);
  await markKeyExposed(person.key, FACTS);
  await markKeyExposed(person.key, FACTS);
  expect((await count())[0]?.n).toBe(1);
  const [row] = await database.owner`select exposed_at from api_keys where id = ${person.keyId}`;
  expect(row?.exposed_at).not.toBeNull();
});
