import { describe, expect, test } from "vitest";
import { holding, holds, holdsOnAuthClients, reaches } from "./caller";
import { GLOBAL, type Scope } from "./scope";

/** A role counts where it was given and nowhere else, above or below or beside it, whoever else one is there (SECURITY AZ-2). */
const tenant: Scope = { kind: "tenant", tenantId: "t1" };
const contract: Scope = { kind: "contract", tenantId: "t1", contractId: "c1" };
const workspace = (workspaceId: string, tenantId = "t1"): Scope => ({
  kind: "workspace",
  tenantId,
  contractId: "c1",
  workspaceId,
});
const here = workspace("w1");
const caller = (...holdings: ReturnType<typeof holding>[]) =>
  ({ holdings }) as unknown as Parameters<typeof reaches>[0];

describe("a role", () => {
  test("in one workspace is none in another where one is a guest", () => {
    const both = caller(holding("workspace", here, "owner"), holding("workspace", workspace("w2"), "guest"));
    for (const permission of ["workspaces.workspace.edit", "workspaces.auth_secret.get_credentials"] as const)
      expect([holds(both, permission, here), holds(both, permission, workspace("w2"))]).toEqual([true, false]);
    expect(reaches(both, workspace("w2"))).toBe(true);
    expect([holdsOnAuthClients(both, "delete", here), holdsOnAuthClients(both, "delete", workspace("w2"))]).toEqual([
      true,
      false,
    ]);
  });

  test("in one tenant is none in another, though ids are alike", () => {
    const both = caller(holding("workspace", here, "owner"), holding("workspace", workspace("w1", "t2"), "guest"));
    expect(holds(both, "workspaces.workspace.edit", workspace("w1", "t2"))).toBe(false);
  });

  test("above is none below, and below none above", () => {
    const above = caller(holding("tenant", tenant, "owner"), holding("contract", contract, "owner"));
    expect([reaches(above, here), holds(above, "workspaces.auth_secret.get", here)]).toEqual([true, false]);
    const below = caller(holding("workspace", here, "owner"));
    for (const scope of [tenant, contract, GLOBAL]) {
      expect(holds(below, "workspaces.workspace.get", scope)).toBe(false);
      expect(holdsOnAuthClients(below, "get", scope)).toBe(false);
    }
  });

  test("of the operator shows every tenant and nothing in it", () => {
    const operator = caller(holding("instance", GLOBAL, "operator"));
    expect(holds(operator, "tenants.tenant.get", tenant)).toBe(true);
    for (const permission of ["tenants.tenant.edit", "tenants.auth_clients.get"] as const)
      expect(holds(operator, permission, tenant)).toBe(false);
    for (const scope of [contract, here]) expect(holds(operator, "tenants.tenant.get", scope)).toBe(false);
  });
});
