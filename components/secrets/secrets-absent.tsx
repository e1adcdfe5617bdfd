import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";

/** No secret exists yet. `add` is the button, null for who may not add one. */
export function NoSecretsYet({ add }: { add: ReactNode }) {
  return (
    <div className="card">
      <EmptyState
        title="No secrets yet"
        actions={add}
        foot={add ? null : "You may look at this workspace, but not add secrets. Ask someone who owns it."}
      >
        A secret is the access your steps use to reach another service: Latchkey obtains it, keeps it fresh and hands it
        out.
      </EmptyState>
    </div>
  );
}

/** There are secrets, but the filters let none through. */
export function NothingMatches({ search, onClear }: { search: string; onClear: () => void }) {
  return (
    <div className="card">
      <EmptyState small title="Nothing matches" actions={<Button onClick={onClear}>Clear filters</Button>}>
        {search ? `No secret or client has “${search}” in its name.` : "No secret is in this state."}
      </EmptyState>
    </div>
  );
}

/** The workspace's secrets are not for this person. */
export function MayNotSee() {
  return (
    <div className="card">
      <EmptyState title="You may not see the secrets here">
        It needs a role in this workspace. Ask someone who owns it, or choose another workspace at the left.
      </EmptyState>
    </div>
  );
}
