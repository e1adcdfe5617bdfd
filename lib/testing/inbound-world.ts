import { afterEach, beforeAll, vi } from "vitest";
import { GET as CHECK } from "@/app/inbound/[endpointId]/check/route";
import { PATCH as EDIT } from "@/app/v2/workspaces/[workspaceId]/endpoints/[endpointId]/route";
import { POST as ADD } from "@/app/v2/workspaces/[workspaceId]/endpoints/route";
import { systemClock } from "@/lib/clock";
import { PEER_HEADER } from "@/lib/http/client-address";
import { makePerson, makePlace, OWNER, type Person, type Place } from "./callers";
import { type TestDatabase, useDatabase } from "./database";
import { type Answer, call } from "./http";
import { madeId, postSecret } from "./secrets-api";

/** A workspace with endpoints, and a clock that can be put forward. */
export interface InboundWorld {
  database: TestDatabase;
  place: Place;
  owner: Person;
  /** @returns the id */
  addSecret(type: string, credentials: Record<string, unknown>): Promise<string>;
  /** @returns the id */
  addEndpoint(secretIds: string[], attributes?: Record<string, unknown>): Promise<string>;
  edit(id: string, attributes: Record<string, unknown>, secretIds?: string[]): Promise<Answer>;
  check(id: string, headers?: Record<string, string>, from?: string): Promise<Answer>;
  /** What changed is known to every process after this. */
  aSecondLater(): void;
  /** Puts the clock forward until the end of the test. */
  leap(ms: number): void;
}

let count = 0;

export const endpointBody = (attributes: Record<string, unknown>, secretIds?: string[]) => ({
  data: {
    type: "endpoint",
    attributes,
    ...(secretIds
      ? { relationships: { secrets: { data: secretIds.map((id) => ({ id, type: "auth-secret" })) } } }
      : {}),
  },
});

export function useInboundWorld(): InboundWorld {
  const database = useDatabase();
  const world = { database } as InboundWorld;
  let leapt = 0;
  beforeAll(async () => {
    world.place = await makePlace();
    world.owner = await makePerson(world.place, OWNER);
    vi.spyOn(systemClock, "now").mockImplementation(() => Date.now() + leapt);
    vi.spyOn(systemClock, "monotonic").mockImplementation(() => performance.now() + leapt);
  });
  afterEach(() => world.aSecondLater());
  const asOwner = () => ({ as: world.owner.basic, params: { workspaceId: world.place.workspaceId } });
  world.addSecret = async (type, credentials) =>
    madeId(await postSecret(world.place, world.owner.basic, { name: `Opener ${++count}`, type, credentials }));
  world.addEndpoint = async (secretIds, attributes = {}) =>
    madeId(
      await call(ADD, {
        ...asOwner(),
        method: "POST",
        json: endpointBody({ name: `Endpoint ${++count}`, ...attributes }, secretIds),
      }),
    );
  world.edit = (id, attributes, secretIds) =>
    call(EDIT, {
      as: world.owner.basic,
      params: { workspaceId: world.place.workspaceId, endpointId: id },
      method: "PATCH",
      json: endpointBody(attributes, secretIds),
    });
  world.check = (id, headers = {}, from = "192.0.2.1") =>
    call(CHECK, { params: { endpointId: id }, headers: { [PEER_HEADER]: from, ...headers } });
  world.leap = (ms) => {
    leapt += ms;
  };
  world.aSecondLater = () => world.leap(1_000);
  return world;
}
