"use client";

import { useQuery } from "@tanstack/react-query";
import { workspacesQuery } from "@/components/frame/queries";
import { Checkbox } from "@/components/ui/checkbox";
import { ChipInput } from "@/components/ui/chip-input";
import { Field } from "@/components/ui/field";
import { FieldGroup } from "@/components/ui/field-group";
import { Fold } from "@/components/ui/fold";
import { PERMISSIONS, type Permission } from "@/lib/access/permissions";

/** What a new key is to be limited to; empty lists are no limit. */
export interface Limits {
  permissions: readonly Permission[];
  workspaces: readonly string[];
  addresses: readonly string[];
}

export const NO_LIMITS: Limits = { permissions: [], workspaces: [], addresses: [] };

export type LimitErrors = Partial<Record<keyof Limits, string>>;

/** As people look for them. Of auth clients only the names that stand for every level: the others are for scripts. */
const GROUPS: readonly { title: string; permissions: readonly Permission[] }[] = (
  [
    ["Secrets", /^workspaces\.auth_secret\./],
    ["Auth clients", /^global\.auth_clients\./],
    ["Workspaces", /^workspaces\.(workspace|audit)\.|^contracts\.workspace\./],
    ["Contracts and components", /^contracts\.(contract|repository)\.|^tenants\.(contract|component)\./],
    ["Tenant and people", /^tenants\.(tenant|user)\./],
  ] as const
).map(([title, names]) => ({
  title,
  permissions: (Object.keys(PERMISSIONS) as Permission[]).filter((permission) => names.test(permission)),
}));

const some = (n: number, one: string, many: string) => (n === 0 ? [] : [`${n} ${n === 1 ? one : many}`]);

/** The folded part of a form that makes a key: what it may do, in which workspaces, from which addresses. */
export function LimitFields({
  value,
  onChange,
  errors,
}: {
  value: Limits;
  onChange: (value: Limits) => void;
  errors: LimitErrors;
}) {
  const workspaces = useQuery(workspacesQuery).data?.data ?? [];
  const summary = [
    ...some(value.permissions.length, "permission", "permissions"),
    ...some(value.workspaces.length, "workspace", "workspaces"),
    ...some(value.addresses.length, "address", "addresses"),
  ].join(", ");
  const toggled = <Item extends string>(list: readonly Item[], item: Item, on: boolean): Item[] =>
    on ? [...list, item] : list.filter((other) => other !== item);
  return (
    <Fold title="Limit this key" summary={summary || "No limits"} open={Object.keys(errors).length > 0}>
      <FieldGroup
        legend="What it may do"
        error={errors.permissions}
        help="Nothing ticked: everything you may do. It never may do what you may not."
      >
        {GROUPS.map((group) => (
          <div className="stack-tight limit-group" key={group.title}>
            <span className="label">{group.title}</span>
            {group.permissions.map((permission) => (
              <Checkbox
                key={permission}
                label={PERMISSIONS[permission]}
                text={<span className="code">{permission}</span>}
                checked={value.permissions.includes(permission)}
                onChange={(event) =>
                  onChange({ ...value, permissions: toggled(value.permissions, permission, event.target.checked) })
                }
              />
            ))}
          </div>
        ))}
      </FieldGroup>
      <FieldGroup
        legend="Only in these workspaces"
        error={errors.workspaces}
        help="Nothing ticked: all of yours, and what lies above them."
      >
        <div className="stack-tight">
          {workspaces.map((workspace) => (
            <Checkbox
              key={workspace.id}
              label={workspace.attributes.name}
              checked={value.workspaces.includes(workspace.id)}
              onChange={(event) =>
                onChange({ ...value, workspaces: toggled(value.workspaces, workspace.id, event.target.checked) })
              }
            />
          ))}
        </div>
      </FieldGroup>
      <AddressField
        value={value.addresses}
        onChange={(addresses) => onChange({ ...value, addresses })}
        error={errors.addresses}
      />
    </Fold>
  );
}

/** The addresses a key works from, as chips. */
export function AddressField({
  value,
  onChange,
  error,
}: {
  value: readonly string[];
  onChange: (value: string[]) => void;
  error: string | undefined;
}) {
  return (
    <Field
      label="Only from these addresses"
      error={error}
      help="IP addresses or ranges, such as 192.0.2.7 or 192.0.2.0/24. Empty: from anywhere."
    >
      <ChipInput value={[...value]} onChange={onChange} placeholder="192.0.2.0/24" />
    </Field>
  );
}
