import { describe, expect, it } from "vitest";
import { IdpGrants, type IdpKind } from "@/lib/testing/idp-grants";
import { type Blow, type History, judge } from "./judge";

/** The verdict sees what it is there to see; each case is a history with one thing wrong. */

const macOf = (token: string) => `mac ${token}`;

/** A grant, and what one process did with it. */
function story(kind: IdpKind) {
  const idp = new IdpGrants();
  const { grant, tokens } = idp.create({ kind });
  const known = new Map<string, string>([[macOf(tokens.refresh_token as string), "current"]]);
  const row = { secret_id: "s", status: "active", generation: 1, suspect_since: null as unknown };
  const blows: Blow[] = [];
  let current = tokens.refresh_token as string;
  return {
    idp,
    grant,
    row,
    known,
    blows,
    current: () => current,
    present(token = current, port = 1) {
      const presentation = idp.present(token, port);
      return { presentation, answer: idp.redeem(presentation) };
    },
    land(answer: { refresh_token?: string } | null) {
      row.generation += 1;
      if (!answer?.refresh_token) return;
      known.set(macOf(current), "predecessor");
      current = answer.refresh_token;
      known.set(macOf(current), "current");
    },
    refresh() {
      const { presentation, answer } = this.present();
      presentation.answered = true;
      this.land(answer);
    },
    verdict: (more: Partial<History> = {}) =>
      judge({
        secrets: [{ id: "s", grantId: grant.id }],
        grants: idp.grants,
        rows: new Map([["s", row]]),
        ledger: [...known].map(([token_mac, standing]) => ({ secret_id: "s", token_mac, standing })),
        blows,
        macOf,
        acceptsRefresh: (token) => idp.acceptsRefresh(token),
        ...more,
      }),
  };
}

const beginnings = (violations: string[]) => violations.map((text) => text.split(":")[0]);

describe("the verdict over a storm", () => {
  it.each(["static", "strict", "grace"] as const)("is content with refreshes one after the other (%s)", (kind) => {
    const s = story(kind);
    for (let n = 0; n < 3; n++) s.refresh();
    expect(s.verdict()).toMatchObject({ violations: [], presentations: 3, lost: [], repeated: 0, landed: 3 });
  });

  it("sees an answer that was received and is nowhere, and what it lost", () => {
    const s = story("strict");
    s.present().presentation.answered = true;
    expect(beginnings(s.verdict().violations)).toEqual([
      "I2 an answer that was received is nowhere",
      "lost without a reason",
      "I9 calls and generations differ",
    ]);
  });

  it("excuses it only by a blow to the process whose connection it was, after it was asked", () => {
    const s = story("strict");
    const { presentation } = s.present();
    s.blows.push(
      { at: presentation.at, kind: "killed", ports: new Set([2]) },
      { at: presentation.at - 1, kind: "killed", ports: new Set([1]) },
    );
    expect(beginnings(s.verdict().violations)).toEqual(["lost without a reason"]);
    s.blows.push({ at: presentation.at, kind: "killed", ports: new Set([1]) });
    expect(s.verdict()).toMatchObject({ violations: [], lost: ["s"] });
  });

  it("expects of a process that was only stopped that it lands what it receives", () => {
    const s = story("grace");
    const { presentation } = s.present();
    presentation.answered = true;
    s.blows.push({ at: presentation.at, kind: "stopped", ports: new Set([1]) });
    expect(beginnings(s.verdict().violations)).toEqual(["I2 an answer that was received is nowhere"]);
  });

  it("excuses no loss at a provider with a grace period", () => {
    const s = story("grace");
    const { presentation } = s.present();
    s.blows.push({ at: presentation.at, kind: "killed", ports: new Set([1]) });
    expect(s.verdict()).toMatchObject({ violations: [], lost: [] }); // it still takes the old one
    s.grant.revoked = "reuse";
    expect(beginnings(s.verdict().violations)).toEqual(["lost although the provider has a grace period"]);
  });

  it("sees a token presented twice, at once or again", () => {
    const again = story("grace");
    again.refresh();
    const { presentation } = again.present([...again.idp.grants.values()][0]?.presentations[0]?.token);
    presentation.answered = true;
    expect(beginnings(again.verdict().violations)).toContain("I1 a refresh token was presented twice without a reason");
    const atOnce = story("static");
    const first = atOnce.idp.present(atOnce.current());
    const second = atOnce.idp.present(atOnce.current());
    expect(second.overlapping).toBe(1);
    for (const one of [first, second]) {
      atOnce.idp.redeem(one);
      one.answered = true;
      atOnce.land(null);
    }
    expect(beginnings(atOnce.verdict().violations)).toEqual([
      "I1 a refresh token was presented twice without a reason",
    ]);
  });

  it("sees another grant's token in the ledger, a wrong death, and a call too many", () => {
    const s = story("soft");
    s.refresh();
    s.known.set("mac of another", "alternative");
    s.row.status = "dead";
    s.row.generation = 5;
    expect(beginnings(s.verdict().violations)).toEqual([
      "I4 the ledger holds a token of another grant",
      "I7 declared dead or suspect while the grant lives",
      "I9 calls and generations differ",
    ]);
  });
});
