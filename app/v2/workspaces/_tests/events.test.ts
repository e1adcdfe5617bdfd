import { expect, test } from "vitest";
import { GET } from "@/app/v2/workspaces/[workspaceId]/events/route";
import { makePerson, makePlace, OWNER, type Person, type Place } from "@/lib/testing/callers";
import { useDatabase } from "@/lib/testing/database";

useDatabase();

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
