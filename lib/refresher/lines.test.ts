import { describe, expect, it } from "vitest";
import { Lines, pairOf } from "./lines";
import type { Lease } from "./world";

const lease = (tenantId: string, authClientId = "client", secretId = "s") =>
  ({ tenantId, authClientId, secretId }) as Lease;
const anybody = () => ({});

describe("the lines before a provider", () => {
  it("serve tenants in turn, whoever came first", () => {
    const lines = new Lines();
    for (let n = 0; n < 5; n++) lines.join(lease("a"), "idp", 0);
    for (let n = 0; n < 2; n++) lines.join(lease("b"), "idp", 0);
    const served = Array.from({ length: 7 }, () => lines.next("idp", anybody)?.lease.tenantId);
    expect(served).toEqual(["a", "b", "a", "b", "a", "a", "a"]);
    expect(lines.next("idp", anybody)).toBeNull();
    expect(lines.size).toBe(0);
  });

  it("pass over a tenant that may not enter, and other hosts", () => {
    const lines = new Lines();
    lines.join(lease("a", "one"), "idp", 0);
    lines.join(lease("a", "two"), "other", 0);
    lines.join(lease("b"), "idp", 0);
    lines.join(lease("a", "three"), "idp", 0);
    expect(lines.othersWait("idp", "a")).toBe(true);
    expect(lines.othersWait("other", "a")).toBe(false);
    const asked: string[] = [];
    const next = lines.next("idp", ({ tenantId, authClientId }) => {
      asked.push(authClientId);
      return tenantId === "b" ? { ticket: 1 } : "tenant";
    });
    expect(next).toMatchObject({ lease: { tenantId: "b" }, given: { ticket: 1 } });
    expect(asked).toEqual(["one", "client"]);
    expect(lines.next("idp", (given) => (given.authClientId === "three" ? {} : "line"))).toMatchObject({
      lease: { authClientId: "three" },
    });
    expect(lines.next("idp", () => "line")).toBeNull();
    expect([...lines.hosts()]).toEqual(["idp", "other"]);
  });

  it("are short at first, longer where they are emptied, short again where somebody waited in vain", () => {
    const lines = new Lines();
    const fill = (now: number) => {
      let joined = 0;
      while (lines.join(lease("a"), "idp", now)) joined++;
      return joined;
    };
    const empty = () => {
      while (lines.next("idp", anybody));
    };
    const first = fill(0);
    expect(lines.enough()).toEqual([pairOf(lease("a"))]);
    empty();
    expect(lines.enough()).toEqual([]);
    expect(fill(1)).toBe(2 * first);
    expect(lines.leave({ waitedSince: 0 })).toEqual([]);
    expect(lines.leave({ waitedSince: 1 })).toHaveLength(2 * first);
    expect(fill(2)).toBe(first);
    expect(lines.leave({ host: "other" })).toEqual([]);
    expect(lines.leave("everybody")).toHaveLength(first);
    expect(lines.size).toBe(0);
  });
});
