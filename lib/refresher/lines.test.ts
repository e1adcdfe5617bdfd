import { describe, expect, it } from "vitest";
import { Lines, pairOf, WAIT_MS } from "./lines";
import type { Lease } from "./world";

const lease = (tenantId: string, authClientId = "client", secretId = "s") =>
  ({ tenantId, authClientId, secretId }) as Lease;
const anybody = () => ({});

describe("the lines before a provider", () => {
  it("serve tenants in turn, whoever came first", () => {
    const lines = new Lines();
    for (let n = 0; n < 5; n++) lines.join(lease("a"), "idp", 0);
    for (let n = 0; n < 2; n++) lines.join(lease("b"), "idp", 0);
    const served = Array.from({ length: 7 }, () => lines.next("idp", 0, anybody)?.lease.tenantId);
    expect(served).toEqual(["a", "b", "a", "b", "a", "a", "a"]);
    expect(lines.next("idp", 0, anybody)).toBeNull();
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
    const next = lines.next("idp", 0, ({ tenantId, authClientId }) => {
      asked.push(authClientId);
      return tenantId === "b" ? { ticket: 1 } : "tenant";
    });
    expect(next).toMatchObject({ lease: { tenantId: "b" }, given: { ticket: 1 } });
    expect(asked).toEqual(["one", "client"]);
    expect(lines.next("idp", 0, (given) => (given.authClientId === "three" ? {} : "line"))).toMatchObject({
      lease: { authClientId: "three" },
    });
    expect(lines.next("idp", 0, () => "line")).toBeNull();
    expect([...lines.hosts()]).toEqual(["idp", "other"]);
  });

  it("are short at first, longer where they are emptied quickly, shorter where somebody waited in vain", () => {
    const lines = new Lines();
    const fill = (now: number) => {
      let joined = 0;
      while (lines.join(lease("a"), "idp", now) === "in") joined++;
      return joined;
    };
    const empty = (now: number) => {
      while (lines.next("idp", now, anybody));
    };
    const first = fill(0);
    expect(lines.enough()).toEqual([pairOf(lease("a"))]);
    empty(0);
    expect(lines.enough()).toEqual([]);
    expect(fill(1)).toBe(2 * first);
    expect(lines.leave({ waitedSince: 0 })).toEqual([]);
    expect(lines.leave({ waitedSince: 1 })).toHaveLength(2 * first);
    expect(fill(2)).toBe(first);
    expect(lines.leave({ host: "other" })).toEqual([]);
    expect(lines.leave("everybody")).toHaveLength(first);
    expect(lines.size).toBe(0);
  });

  it("grow no longer than what is served while one waits, and know whether anybody was", () => {
    const lines = new Lines();
    const a = lease("a");
    const fill = (now: number) => {
      let joined = 0;
      while (lines.join(a, "idp", now) === "in") joined++;
      return joined;
    };
    const first = fill(0);
    expect(lines.isServed(pairOf(a), -1)).toBe(false);
    while (lines.next("idp", WAIT_MS / 2, anybody));
    expect(fill(WAIT_MS)).toBe(first);
    for (let n = 0; n < first / 2; n++) lines.next("idp", 2 * WAIT_MS, anybody);
    // Half of them were served just now, the other half waited in vain: the line shrinks and is still known as served.
    expect(lines.leave({ waitedSince: WAIT_MS })).toHaveLength(first / 2);
    expect(lines.isServed(pairOf(a), WAIT_MS)).toBe(true);
    expect(fill(2 * WAIT_MS)).toBe(first / 2);
    expect(lines.leave({ waitedSince: 2 * WAIT_MS })).toHaveLength(first / 2);
    expect(lines.isServed(pairOf(a), 2 * WAIT_MS)).toBe(false);
  });

  it("tell a line that is full from a client that was pointed to another host", () => {
    const lines = new Lines();
    expect(lines.join(lease("a"), "idp", 0, 1)).toBe("in");
    expect(lines.join(lease("a"), "idp", 0, 1)).toBe("full");
    expect(lines.join(lease("a"), "other", 0)).toBe("elsewhere");
    lines.next("idp", 0, anybody);
    expect(lines.join(lease("a"), "other", 0)).toBe("in");
  });
});
