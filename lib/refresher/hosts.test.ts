import { describe, expect, it } from "vitest";
import { HandClock } from "@/lib/testing/hand-clock";
import { type Entry, type HostLimits, Hosts, type Ticket } from "./hosts";

/** Room and circuit per provider (REFRESH section 6, I10). */
const hostsOf = (clock = new HandClock(), limit = 32, more: Partial<HostLimits> = {}) =>
  new Hosts(clock, { limit, sharePercent: 50, ...more });

function enter(hosts: Hosts, tenant = "t", name = "idp"): Ticket {
  const entry = hosts.tryEnter(name, tenant);
  if (entry.kind !== "in") throw new Error(entry.kind);
  return entry.ticket;
}

function calls(hosts: Hosts, count: number, result: "answered" | "silent" | "unused"): void {
  for (let n = 0; n < count; n++) enter(hosts).leave(result);
}

const kindOf = (entry: Entry) => entry.kind;

describe("room", () => {
  it("is limited per host; half of it is one tenant's while others wait (SS-9)", () => {
    const hosts = hostsOf(new HandClock(), 4);
    const waiting = new Set<string>();
    hosts.queues.add((host, tenant) => host === "idp" && [...waiting].some((one) => one !== tenant));
    const held = [enter(hosts, "a"), enter(hosts, "a"), enter(hosts, "a")];
    waiting.add("a").add("b");
    expect(kindOf(hosts.tryEnter("idp", "a"))).toBe("full");
    expect(kindOf(hosts.tryEnter("other", "a"))).toBe("in");
    held.push(enter(hosts, "b"));
    expect(kindOf(hosts.tryEnter("idp", "b"))).toBe("full");
    held[0]?.leave("answered");
    held[0]?.leave("answered");
    expect(kindOf(hosts.tryEnter("idp", "a"))).toBe("full");
    enter(hosts, "b");
    expect(kindOf(hosts.tryEnter("idp", "c"))).toBe("full");
    held[1]?.leave("answered");
    waiting.clear();
    enter(hosts, "b");
    expect(kindOf(hosts.tryEnter("idp", "b"))).toBe("full");
  });

  it("that becomes free goes to a reader whose tenant has not its share, past those of one that has", async () => {
    const hosts = hostsOf(new HandClock(), 2);
    const held = [enter(hosts, "a"), enter(hosts, "a")];
    const greedy = [hosts.enter("idp", "a", 10_000), hosts.enter("idp", "a", 10_000)];
    const other = hosts.enter("idp", "b", 10_000);
    held[0]?.leave("answered");
    const entry = await other;
    expect(entry.kind).toBe("in");
    if (entry.kind === "in") entry.ticket.leave("answered");
    held[1]?.leave("answered");
    for (const one of greedy) expect(kindOf(await one)).toBe("in");
  });

  it("is limited for a tenant over all hosts together", () => {
    const hosts = hostsOf(new HandClock(), 4, { tenantMax: 3 });
    const held = ["one", "two", "three"].map((name) => enter(hosts, "a", name));
    expect(kindOf(hosts.tryEnter("four", "a"))).toBe("full");
    expect(kindOf(hosts.tryEnter("four", "b"))).toBe("in");
    held[0]?.leave("silent");
    expect(kindOf(hosts.tryEnter("four", "a"))).toBe("in");
  });

  it("shrinks when three tenants are told to slow down, not by one tenant's doing, and grows again", () => {
    const clock = new HandClock();
    const hosts = hostsOf(clock, 8);
    const room = () => {
      const held: Ticket[] = [];
      for (;;) {
        const entry = hosts.tryEnter("idp", `t${held.length}`);
        if (entry.kind !== "in") break;
        held.push(entry.ticket);
      }
      for (const ticket of held) ticket.leave("unused");
      return held.length;
    };
    for (let n = 0; n < 20; n++) enter(hosts, "hostile").leave("throttled");
    enter(hosts, "second").leave("throttled");
    expect(room()).toBe(8);
    enter(hosts, "third").leave("throttled");
    expect(room()).toBe(4);
    enter(hosts, "fourth").leave("throttled");
    expect(room()).toBe(4);
    clock.leap(2_000);
    expect(room()).toBe(5);
    clock.leap(60_000);
    expect(room()).toBe(8);
    enter(hosts, "third").leave("throttled");
    expect(room()).toBe(8);
  });

  it("goes to whoever still waits, not to those who gave up", async () => {
    const clock = new HandClock();
    const hosts = hostsOf(clock, 1);
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
    const hosts = hostsOf();
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
    const hosts = hostsOf(clock);
    calls(hosts, 19, "silent");
    clock.leap(61_000);
    calls(hosts, 1, "silent");
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("in");
  });

  it("lets one call through every 15 s, doubling, and closes when that is answered", () => {
    const clock = new HandClock();
    const hosts = hostsOf(clock);
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
    const hosts = hostsOf(clock);
    const under = Array.from({ length: 12 }, () => enter(hosts));
    calls(hosts, 20, "silent");
    for (const [n, ticket] of under.entries()) ticket.leave(n % 2 ? "silent" : "answered");
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("open");
    clock.leap(15_100);
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("in");
  });

  it("keeps its chance when the call let through sent nothing", () => {
    const clock = new HandClock();
    const hosts = hostsOf(clock);
    calls(hosts, 20, "silent");
    clock.leap(15_100);
    enter(hosts).leave("unused");
    const probe = enter(hosts);
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("open");
    probe.leave("answered");
    expect(kindOf(hosts.tryEnter("idp", "t"))).toBe("in");
  });
});
