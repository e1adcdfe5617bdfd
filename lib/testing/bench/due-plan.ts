import type postgres from "postgres";

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  Plans?: PlanNode[];
}

/** How the database finds what is due. */
export interface DuePlan {
  /** The indexes by which token_state is read, in the order of the plan. */
  indexes: string[];
  /** Whether anything reads all of token_state. */
  readsAll: boolean;
}

/** The plan of the very statement that is installed as `latchkey_refresh_claim` (drizzle/refresher.sql), for any parameters. */
export async function duePlan(owner: postgres.Sql): Promise<DuePlan> {
  const [found] = await owner<{ text: string }[]>`
    select prosrc as text from pg_proc where proname = 'latchkey_refresh_claim'`;
  if (!found) throw new Error("There is no latchkey_refresh_claim");
  const parameters = ["p_holder", "p_limit", "p_excluded"];
  const statement = parameters.reduce(
    (text, name, i) => text.replaceAll(new RegExp(`\\b${name}\\b`, "g"), `$${i + 1}`),
    found.text,
  );
  return owner.begin(async (tx) => {
    await tx`set local plan_cache_mode = force_generic_plan`;
    await tx.unsafe(`prepare due_plan (text, int, text[]) as ${statement}`);
    const [row] = await tx.unsafe<{ "QUERY PLAN": { Plan: PlanNode }[] }[]>(
      "explain (format json) execute due_plan ('bench', 200, '{}')",
    );
    await tx`deallocate due_plan`;
    const plan: DuePlan = { indexes: [], readsAll: false };
    const walk = (node: PlanNode) => {
      if (node["Index Name"]?.startsWith("token_state")) plan.indexes.push(node["Index Name"]);
      if (node["Node Type"] === "Seq Scan" && node["Relation Name"] === "token_state") plan.readsAll = true;
      for (const child of node.Plans ?? []) walk(child);
    };
    const root = row?.["QUERY PLAN"][0]?.Plan;
    if (!root) throw new Error("The database explained nothing");
    walk(root);
    return plan;
  });
}
