"use client";

import { useQuery } from "@tanstack/react-query";
import { workspacesQuery } from "@/components/frame/queries";
import { PERMISSIONS, type Permission } from "@/lib/access/permissions";

export interface LimitWordsProps {
  permissions?: string[] | null | undefined;
  workspaces?: string[] | null | undefined;
  allowed_addresses?: string[] | null | undefined;
}

/** The line that says what a key is limited to; nothing for one without limits. */
export function LimitWords({ permissions, workspaces, allowed_addresses }: LimitWordsProps) {
  if (!permissions && !workspaces && !allowed_addresses) return null;
  return (
    <div className="meta limits">
      {permissions ? (
        <span>
          May only{" "}
          {permissions.map((permission, i) => (
            <span key={permission}>
              {i > 0 ? ", " : null}
              <span className="code" title={PERMISSIONS[permission as Permission]}>
                {permission}
              </span>
            </span>
          ))}
        </span>
      ) : null}
      {workspaces ? <WorkspaceNames ids={workspaces} /> : null}
      {allowed_addresses ? (
        <span>
          Only from <span className="code">{allowed_addresses.join(", ")}</span>
        </span>
      ) : null}
    </div>
  );
}

function WorkspaceNames({ ids }: { ids: readonly string[] }) {
  const { data } = useQuery(workspacesQuery);
  const names = ids.map((id) => data?.data.find((one) => one.id === id)?.attributes.name ?? id);
  return <span>Only in {names.join(", ")}</span>;
}
