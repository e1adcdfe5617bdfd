import type { ModelTrace } from "./scripted";

/**
 * Schedules beside those of the model, in its words: where the model's shortest counterexample is no harm to the real protocol, because
 * that has a measure more (the token is presented within the guard's margin, a refusal needs a second look).
 */
export const OWN_TRACES: readonly ModelTrace[] = [
  {
    variant: "E2 lease checked, generation not",
    violation: "OVER",
    scenario: "a late answer is landed between the next process's lease and its check",
    kind: "strict",
    steps: [
      "w0 takes lease",
      "w0 pre-send check",
      "w0 sends RT101",
      "w0 call deadline passes, answer still out",
      "w1 takes lease",
      "IdP handles RT101 from w0",
      "answer reaches w0",
      "w0 stores RT102",
      "w1 pre-send check",
      "w1 sends RT101",
      "IdP handles RT101 from w1",
      "answer reaches w1",
    ],
  },
  {
    variant: "J a refusal counts unconditionally",
    violation: "FALSEDEAD",
    scenario: "a person reconnects while the second refusal is being recorded",
    kind: "strict",
    steps: [
      "w0 takes lease",
      "w0 pre-send check",
      "w0 sends RT101",
      "IdP consumes RT101 then 502",
      "answer reaches w0",
      "w0 releases",
      "w0 takes lease",
      "w0 pre-send check",
      "w0 sends RT101",
      "IdP handles RT101 from w0",
      "answer reaches w0",
      "w0 handles invalid_grant",
      "w0 takes lease",
      "w0 pre-send check",
      "w0 sends RT101",
      "IdP handles RT101 from w0",
      "answer reaches w0",
      "user reconnects (new grant)",
      "w0 handles invalid_grant",
    ],
  },
];
