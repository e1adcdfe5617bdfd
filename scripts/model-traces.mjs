// Makes lib/testing/simulation/model-traces.json, the shortest counterexample of every weakened protocol:
//   node refresh-model.mjs --trace | node scripts/model-traces.mjs > lib/testing/simulation/model-traces.json
// refresh-model.mjs is the exhaustive model of the refresh protocol that the design came with.
import process from "node:process";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const traces = [];
let variant = null;
for (const line of text.split("\n")) {
  const head = /^(\S.*?): (?:no violation|[A-Z]+ \[)/.exec(line);
  if (head) variant = head[1];
  const trace = /^ {3}([A-Z]+) shortest \((.*); IdP (\w+)\):$/.exec(line);
  if (trace) traces.push({ variant, violation: trace[1], scenario: trace[2], kind: trace[3], steps: [] });
  const step = /^ {6}\d+\. (.*)$/.exec(line);
  if (step) traces.at(-1).steps.push(step[1]);
}
if (traces.length === 0) throw new Error("There is no trace in what was read.");
process.stdout.write(`${JSON.stringify(traces, null, 2)}\n`);
