"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { LoadError } from "@/components/ui/load-error";
import { PageHead } from "@/components/ui/page-head";
import { Pager } from "@/components/ui/pager";
import { RelativeTime } from "@/components/ui/relative-time";
import { Select } from "@/components/ui/select";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { Tag } from "@/components/ui/tag";
import { Tile } from "@/components/ui/tile";
import { INSTANCE } from "@/lib/sdk/people";
import type { Person } from "@/lib/sdk/resources";
import { personName } from "./person-name";
import { PersonSessions } from "./person-sessions";
import { peopleQuery, tenantsQuery } from "./queries";

/** The people of a tenant, or of this Latchkey for its operator: their roles, and where they are signed in. */
export function PeopleScreen() {
  const tenants = useQuery(tenantsQuery);
  const permissions = tenants.data?.meta.permissions ?? {};
  const places = [
    ...(tenants.data?.data ?? []).map(({ id, attributes }) => ({ id, name: attributes.name })),
    { id: INSTANCE, name: "Everybody" },
  ].filter(({ id }) => permissions[id]?.includes("tenants.user.list_all"));
  const [chosen, setChosen] = useState<string | null>(null);
  const place = places.find(({ id }) => id === chosen) ?? places[0];
  return (
    <div className="page">
      <PageHead title="People">
        {places.length > 1 && place ? (
          <Select
            aria-label="Whose people"
            className="w-auto"
            value={place.id}
            onChange={(event) => setChosen(event.target.value)}
          >
            {places.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        ) : null}
      </PageHead>
      {tenants.isPending ? (
        <div className="card">
          <SkeletonRows rows={4} label="Loading people" />
        </div>
      ) : tenants.error ? (
        <div className="card">
          <LoadError title="The people could not be loaded." query={tenants} />
        </div>
      ) : place ? (
        <PeopleList key={place.id} placeId={place.id} permissions={permissions[place.id] ?? []} />
      ) : (
        <div className="card">
          <EmptyState title="Only for those who run the tenant">
            Seeing its people needs a role at the tenant. Ask its owner.
          </EmptyState>
        </div>
      )}
    </div>
  );
}

function PeopleList({ placeId, permissions }: { placeId: string; permissions: readonly string[] }) {
  const [page, setPage] = useState(1);
  const [shown, setShown] = useState<Person | null>(null);
  const people = useQuery(peopleQuery(placeId === INSTANCE ? null : placeId, page));
  const maySee = permissions.includes("tenants.user.list_sessions");
  return (
    <>
      <div className="card">
        {people.isPending ? (
          <SkeletonRows rows={4} label="Loading people" />
        ) : people.error ? (
          <LoadError title="The people could not be loaded." query={people} />
        ) : (
          <ul className="list">
            {people.data.data.map((person) => (
              <li key={person.id}>
                <Tile name={personName(person)} seed={person.id} size="sm" round />
                <div className="grow">
                  <b>{personName(person)}</b>{" "}
                  <span className="tags">
                    {[...new Set(person.attributes.roles.map(roleWords))].map((words) => (
                      <Tag key={words}>{words}</Tag>
                    ))}
                  </span>
                  <div className="meta">
                    {personName(person) === person.attributes.email ? null : <span>{person.attributes.email}</span>}
                    {person.attributes.last_login ? (
                      <RelativeTime at={person.attributes.last_login} prefix="Signed in " />
                    ) : (
                      <span>Never signed in</span>
                    )}
                  </div>
                </div>
                {maySee ? (
                  <Button size="sm" aria-label={`Sessions of ${personName(person)}`} onClick={() => setShown(person)}>
                    Sessions
                  </Button>
                ) : null}
              </li>
            ))}
          </ul>
        )}
      </div>
      <Pager page={page} totalPages={people.data?.meta.total_pages ?? 1} onChange={setPage} />
      <PersonSessions
        person={shown}
        onClose={() => setShown(null)}
        mayEnd={permissions.includes("tenants.user.end_sessions")}
      />
    </>
  );
}

const LEVELS: Record<string, string> = { tenants: "Tenant", contracts: "Contract", workspaces: "Workspace" };

/** "Workspace owner"; of several such once. */
function roleWords({ role, scope }: Person["attributes"]["roles"][number]): string {
  return `${LEVELS[scope] ?? scope} ${role}`;
}
