import { afterEach, describe, expect, test, vi } from "vitest";
import { GET } from "@/app/v2/workspaces/[workspaceId]/events/route";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { makePerson, makePlace, makeSession, makeTask, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";

const database = useDatabase();
afterEach(() => {
  vi.useRealTimers();
});

const open = (place: Place, who: Person) =>
  GET(new Request("http://latchkey.test/v2/workspaces/w/events", { headers: who.basic }), {
    params: { workspaceId: place.workspaceId },
  });

test("one key cannot hold every connection open with streams; a closed one makes room", async () => {
  const place = await makePlace();
  const [one, other] = [await makePerson(place, OWNER), await makePerson(place, OWNER)];
  const streams = await Promise.all(Array.from({ length: 50 }, () => open(place, one)));
  expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
  const refused = await open(place, one);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "30"]);
  const others = await open(place, other);
  expect(others.status).toBe(200);
  await streams.pop()?.body?.cancel();
  const next = await open(place, one);
  expect(next.status).toBe(200);
  for (const stream of [...streams, others, next]) await stream.body?.cancel();
});

describe("an open stream ends within five seconds of losing its right, also when another process takes it (KEY-4)", () => {
  type Who = { headers: Record<string, string>; id: string };
  const key = async (place: Place): Promise<Who> => {
    const person = await makePerson(place, OWNER);
    return { headers: person.basic, id: person.id };
  };
  const session = async (place: Place): Promise<Who> => {
    const person = await makePerson(place, OWNER);
    return { headers: await makeSession(person.id), id: person.id };
  };
  const task = async (place: Place): Promise<Who> => {
    const { basic, id } = await makeTask(place);
    return { headers: basic, id };
  };
  const sql = () => database.owner;
  // Straight in the database, as another process does it: nothing in this one is told.
  test.each<[string, (place: Place) => Promise<Who>, (who: Who) => Promise<unknown>]>([
    ["the key is deleted", key, ({ id }) => sql()`delete from api_keys where user_id = ${id}`],
    [
      "the key's end comes",
      key,
      ({ id }) => sql()`update api_keys set expires_at = now() - interval '1 s' where user_id = ${id}`,
    ],
    ["the role is removed", key, ({ id }) => sql()`delete from memberships where user_id = ${id}`],
    [
      "the role becomes one without the right",
      key,
      ({ id }) => sql()`update memberships set role = 'none' where user_id = ${id}`,
    ],
    ["the session is ended", session, ({ id }) => sql()`delete from sessions where user_id = ${id}`],
    ["the task identity is ended", task, ({ id }) => sql()`delete from api_keys where id = ${id}`],
  ])("%s", async (_what, make, take) => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance", "Date"] });
    const place = await makePlace();
    const who = await make(place);
    const stream = await GET(new Request("http://latchkey.test/v2/workspaces/w/events", { headers: who.headers }), {
      params: { workspaceId: place.workspaceId },
    });
    expect(stream.status).toBe(200);
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    let ended = false;
    const end = (async () => {
      while (!(await reader.read()).done);
      ended = true;
    })();
    // It is asked for, and stays while the right does; the last asking is as long before the removal as can be …
    vi.advanceTimersByTime(4_000);
    await database.owner`select pg_sleep(0.05)`;
    expect(ended).toBe(false);
    // … and just before it, another request of the same caller made this process remember the right.
    forgetCallers();
    const again = await GET(new Request("http://latchkey.test/v2/workspaces/w/events", { headers: who.headers }), {
      params: { workspaceId: place.workspaceId },
    });
    await again.body?.cancel();
    await take(who);
    vi.advanceTimersByTime(5_000);
    // By the clock that was put forward it has ended; the rest is what this machine takes to say so.
    await Promise.race([end, new Promise((done) => setTimeout(done, 8_000))]);
    expect(ended).toBe(true);
  });
});

test("a stream says when changes may have been missed", async () => {
  const place = await makePlace();
  const stream = await open(place, await makePerson(place, OWNER));
  const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
  const text = new TextDecoder();
  let told = "";
  await database.owner`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and query ilike 'listen%'`;
  while (!told.includes("event: missed\n")) told += text.decode((await reader.read()).value);
  await reader.cancel();
});
