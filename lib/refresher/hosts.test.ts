import { describe, expect, it } from "vitest";
import { HandClock } from "@/lib/testing/hand-clock";
import { type Entry, Hosts, type Ticket } from "./hosts";

/** Room and circuit per provider (REFRESH section 6, I10). */
function enter(hosts: Hosts, tenant = "t", share?: number): Ticket {
  const entry = hosts.tryEnter("idp", tenant, share);
  if (entry.kind !== "in") throw new Error(entry.kind);
  return entry.ticket;
}

function calls(hosts: Hosts, count: number, result: "answered" | "silent" | "unused"): void {
  for (let n = 0; n < count; n++) enter(hosts).leave(result);
}

const kindOf = (entry: Entry) => entry.kind;

describe("room", () => {
  it("is limited per host, and by share per tenant", () => {
    const hosts = new Hosts(new HandClock(), 4);
    const held = [enter(hosts, "a", 2), enter(hosts, "a", 2)];
    expect(kindOf(hosts.tryEnter("idp", "a", 2))).toBe("full");
    held.push(enter(hosts, "b", 2), enter(hosts, "b", 2));
    expect(kindOf(hosts.tryEnter("idp", "c", 2))).toBe("full");
    expect(kindOf(hosts.tryEnter("other", "a", 2))).toBe("in");
    held[0]?.leave("answered");
    held[0]?.leave("answered");
    enter(hosts, "c", 2);
    expect(kindOf(hosts.tryEnter("idp", "c", 2))).toBe("full");
  });

  it("goes to whoever still waits, not to those who gave up", async () => {
    const clock = new HandClock();
    const hosts = new Hosts(clock, 1);
    const held = enter(hosts);
    const impatient = hosts.enter("idp", "t", 100);
    const patient = hosts.enter("idp", "t", 10_000);
    clock.leap(200);
    expect(kindOf(await impatient)).toBe("full");
    held.leave("answered");
    expect(kindOf(await patient)).toBe("in");
  });
});

describe("the circuit", () => {
  it("opens at half of twenty calls, and not for what was never sent", () => {
    const hosts = new Hosts(new HandClock());
    calls(hosts, 100, "unused");
    calls(hosts, 10, "answered");
    calls(hosts, 9, "silent");
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("in");
    calls(hosts, 1, "silent");
    const entry = hosts.tryEnter("idp", "t");
    expect(entry.kind).toBe("open");
    expect(entry.kind === "open" && entry.retryAfterMs).toBeGreaterThan(14_000);
    expect(hosts.states()).toMatchObject([{ host: "idp", open: true }]);
    expect(kindOf(hosts.tryEnter("other", "t"))).toBe("in");
  });

  it("forgets what is older than a minute", () => {
    const clock = new HandClock();
    const hosts = new Hosts(clock);
    calls(hosts, 19, "silent");
    clock.leap(61_000);
    calls(hosts, 1, "silent");
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("in");
  });

  it("lets one call through every 15 s, doubling, and closes when that is answered", () => {
    const clock = new HandClock();
    const hosts = new Hosts(clock);
    calls(hosts, 20, "silent");
    for (const rest of [15_000, 30_000, 60_000]) {
      clock.leap(rest - 1_000);
      expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("open");
      clock.leap(1_100);
      const probe = enter(hosts);
      expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("open");
      probe.leave("silent");
    }
    clock.leap(130_000);
    enter(hosts).leave("answered");
    calls(hosts, 5, "answered");
    calls(hosts, 5, "silent");
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("in");
  });

  it("is not moved by calls that were under way when it opened", () => {
    const clock = new HandClock();
    const hosts = new Hosts(clock);
    const under = Array.from({ length: 12 }, () => enter(hosts));
    calls(hosts, 20, "silent");
    for (const [n, ticket] of under.entries()) ticket.leave(n % 2 ? "silent" : "answered");
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("open");
    clock.leap(15_100);
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("in");
  });

  it("keeps its chance when the call let through sent nothing", () => {
    const clock = new HandClock();
    const hosts = new Hosts(clock);
    calls(hosts, 20, "silent");
    clock.leap(15_100);
    enter(hosts).leave("unused");
    const probe = enter(hosts);
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("open");
    probe.leave("answered");
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("in");
  });
});
