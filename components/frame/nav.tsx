"use client";

import { useQuery } from "@tanstack/react-query";
import {
  Activity,
  CreditCard,
  KeyRound,
  type LucideIcon,
  Server,
  Settings,
  ShieldCheck,
  TriangleAlert,
  Users,
  Webhook,
} from "lucide-react";
import Link from "next/link";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { tenantsQuery } from "@/components/accounts/queries";
import { Mark } from "@/components/ui/mark";
import { Tile } from "@/components/ui/tile";
import { meQuery, secretCountsQuery } from "./queries";
import { Switcher, type SwitcherProps } from "./switcher";

function Item({
  href,
  icon: Icon,
  children,
  end,
}: {
  href: string;
  icon: LucideIcon;
  children: ReactNode;
  end?: ReactNode;
}) {
  const path = usePathname();
  const here = path === href || path.startsWith(`${href}/`);
  return (
    <Link className="nav-item" href={href} aria-current={here ? "page" : undefined}>
      <Icon className="i" aria-hidden />
      {children}
      {end}
    </Link>
  );
}

/** How many secrets need a person, if any; nothing is shown while all is well. */
function TroubleCount({ workspaceId }: { workspaceId: string }) {
  const { data } = useQuery(secretCountsQuery(workspaceId));
  const count = data?.needs_person ?? 0;
  if (count === 0) return null;
  return (
    <span className="nav-count">
      <TriangleAlert className="i i-sm" aria-hidden />
      <span className="sr">Need a person: </span>
      {count}
    </span>
  );
}

/** What the left side and the narrow sheet show alike. */
export function Nav({ workspaceId, onNew }: SwitcherProps) {
  const path = usePathname();
  const { data: me } = useQuery(meQuery);
  const person = me?.data.attributes;
  const name = person ? `${person.first_name} ${person.last_name}`.trim() || person.email : "";
  const { data: tenants } = useQuery(tenantsQuery);
  const runsPeople = Object.values(tenants?.meta.permissions ?? {}).some((may) =>
    may.includes("tenants.user.list_all"),
  );
  const at = workspaceId ? `/workspaces/${workspaceId}` : null;
  return (
    <>
      <Link className="wordmark" href="/">
        <Mark />
        Latchkey
      </Link>
      <Switcher workspaceId={workspaceId} onNew={onNew} />
      {at && workspaceId ? (
        <div className="nav-list">
          <Item href={`${at}/secrets`} icon={KeyRound} end={<TroubleCount workspaceId={workspaceId} />}>
            Secrets
          </Item>
          <Item href={`${at}/auth-clients`} icon={CreditCard}>
            Auth clients
          </Item>
          <Item href={`${at}/endpoints`} icon={ShieldCheck}>
            Endpoints
          </Item>
          <Item href={`${at}/webhooks`} icon={Webhook}>
            Webhooks
          </Item>
          <Item href={`${at}/activity`} icon={Activity}>
            Activity
          </Item>
        </div>
      ) : null}
      <div className="nav-foot">
        {at ? (
          <Item href={`${at}/settings`} icon={Settings}>
            Settings
          </Item>
        ) : null}
        {runsPeople ? (
          <Item href="/people" icon={Users}>
            People
          </Item>
        ) : null}
        {me?.meta.operator ? (
          <Item href="/instance" icon={Server}>
            Instance
          </Item>
        ) : null}
        <Link className="nav-item" href="/account" aria-current={path === "/account" ? "page" : undefined}>
          <Tile name={name || "?"} size="sm" round />
          <span className="trunc">{name || "Account"}</span>
        </Link>
      </div>
    </>
  );
}
