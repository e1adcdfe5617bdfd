import { beforeEach, describe, expect, test } from "vitest";
import { POST as CREATE_CONTRACT } from "@/app/v2/contracts/route";
import { GET as TOKEN } from "@/app/v2/workspaces/[workspaceId]/secrets/[secretId]/token/route";
import { POST as CREATE_TASK } from "@/app/v2/workspaces/[workspaceId]/task-identities/route";
import { POST as CREATE_WORKSPACE } from "@/app/v2/workspaces/route";
import { forgetCallers } from "@/lib/accounts/caller-cache";
import { makePerson, OWNER, type Person } from "@/lib/testing/callers";
import { type Answer, call } from "@/lib/testing/http";
import { useOAuthWorld } from "@/lib/testing/oauth-world";

/**
 * A right is taken away while it is being used (SECURITY AZ-7). Rights are remembered for 5 s (KEY-4): what is used meanwhile
 * ends with that; what would outlast it, a credential or an ownership, is made under a lock or not at all. Taken away by SQL, as
 * another process does it.
 */

const world = useOAuthWorld();
beforeEach(() => forgetCallers());

const statuses = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))].sort();

describe("200 uses of a secret in parallel with the removal", () => {
  const uses = async (person: Person) => {
    const [row] = await world.database.owner`select count(*)::int as n from audit_entries
      where actor_id = ${person.id} and action = 'secret.token' and outcome = 'allowed'`;
    return row?.n as number;
  };

  test.each([
    [
      "of the role",
      404,
      (person: Person) => world.database.owner`delete from memberships where user_id = ${person.id}`,
    ],
    ["of the key", 401, (person: Person) => world.database.owner`delete from api_keys where user_id = ${person.id}`],
  ])("%s", async (_what, refusal, remove) => {
    const secret = await world.addSecret();
    const person = await makePerson(world.place, OWNER);
    const params = { workspaceId: world.place.workspaceId, secretId: secret.id };
    const use = () => call(TOKEN, { params, as: person.basic });
    let removed = false;
    let removal: Promise<void> | undefined;
    const before: Promise<Answer>[] = [];
    const after: Promise<Answer>[] = [];
    for (let n = 0; n < 200; n++) {
      if (n === 60)
        removal = remove(person).then(() => {
          removed = true;
          forgetCallers();
        });
      const used = use();
      (removed ? after : before).push(used);
      // Some turns for others, so that of those under way some are done when the removal is committed.
      if (n % 5 === 0) await used;
    }
    await removal;
    expect(statuses(await Promise.all(before))).toContain(200);
    for (const { status } of await Promise.all(after)) expect(status).toBe(refusal);
    // Nothing under way is left. From here on nothing is given out, and the trail says so too.
    const known = await uses(person);
    expect(statuses(await Promise.all(Array.from({ length: 20 }, use)))).toEqual([refusal]);
    expect(await uses(person)).toBe(known);
  });
});

describe("what outlasts a right is not made once its removal is committed, although the right is remembered", () => {
  const named = (type: string, attributes: object, relationships?: object) => ({
    data: { type, attributes: { name: "made", ...attributes }, ...(relationships ? { relationships } : {}) },
  });
  const made: Record<string, { table: string; kind: string; make: (person: Person) => Promise<Answer> }> = {};
  made["task identities"] = {
    table: "api_keys",
    kind: "workspace",
    make: (person) =>
      call(CREATE_TASK, {
        method: "POST",
        as: person.basic,
        params: { workspaceId: world.place.workspaceId },
        json: named("task-identity", { permissions: ["workspaces.auth_secret.use"] }),
      }),
  };
  made.workspaces = {
    table: "workspaces",
    kind: "contract",
    make: (person) =>
      call(CREATE_WORKSPACE, {
        method: "POST",
        as: person.basic,
        json: named("workspace", {}, { contract: { data: { id: world.place.contractId, type: "contract" } } }),
      }),
  };
  made.contracts = {
    table: "contracts",
    kind: "tenant",
    make: (person) => call(CREATE_CONTRACT, { method: "POST", as: person.basic, json: named("contract", {}) }),
  };

  test.each(Object.keys(made))("%s", async (what) => {
    const { table, kind, make } = made[what] as (typeof made)[string];
    const sql = world.database.owner;
    const person = await makePerson(world.place, OWNER);
    // Remembered from here on; what is made forgets, so each is remembered again by the others.
    expect((await make(person)).status).toBeLessThan(300);
    const creating = Array.from({ length: 40 }, () => make(person));
    await Promise.race(creating);
    // Once the role's row is deleted and before that is committed, whoever holds it has committed, and nobody else gets it.
    const atRemoval = await sql.begin(async (tx) => {
      await tx`delete from memberships where user_id = ${person.id} and scope_kind = ${kind}`;
      const [row] = await tx.unsafe(`select count(*)::int as n from ${table}`);
      return row?.n as number;
    });
    const answers = [
      ...(await Promise.all(creating)),
      ...(await Promise.all(Array.from({ length: 10 }, () => make(person)))),
    ];
    const [row] = await sql.unsafe(`select count(*)::int as n from ${table}`);
    expect(row?.n).toBe(atRemoval);
    expect(
      answers
        .slice(40)
        .map(({ status }) => status)
        .every((status) => status === 403 || status === 404),
    ).toBe(true);
  });
});
