"use client";

import { useQuery } from "@tanstack/react-query";
import { LogOut } from "lucide-react";
import { signOut } from "next-auth/react";
import { useState } from "react";
import { meQuery } from "@/components/frame/queries";
import { Button } from "@/components/ui/button";
import { Facts } from "@/components/ui/facts";
import { LoadError } from "@/components/ui/load-error";
import { PageHead } from "@/components/ui/page-head";
import { Skeleton } from "@/components/ui/skeleton";
import { ApiKeysSection } from "./api-keys-section";
import { PasswordSection } from "./password-section";
import { Section } from "./section";
import { SessionsSection } from "./sessions-section";

/** The person's own account: who they are, password, keys, sessions. */
export function AccountScreen() {
  const me = useQuery(meQuery);
  const [leaving, setLeaving] = useState(false);
  const leave = async () => {
    setLeaving(true);
    await signOut({ redirect: false });
    // A full load, so that nothing of this person stays in the browser's memory.
    window.location.assign("/sign-in");
  };
  const person = me.data?.data.attributes;
  return (
    <div className="page">
      <PageHead title="Account">
        <Button busy={leaving} onClick={() => void leave()}>
          <LogOut className="i" aria-hidden />
          Sign out
        </Button>
      </PageHead>
      <div className="sections">
        <Section title="Profile">
          {me.error ? (
            <div className="card">
              <LoadError title="Your profile could not be loaded." query={me} />
            </div>
          ) : (
            <Facts
              items={[
                {
                  label: "Name",
                  value: person ? `${person.first_name} ${person.last_name}`.trim() || "–" : <Skeleton w={16} />,
                },
                { label: "Email", value: person ? person.email : <Skeleton w={24} /> },
              ]}
            />
          )}
        </Section>
        <PasswordSection email={person?.email ?? ""} />
        <ApiKeysSection email={person?.email ?? ""} />
        <SessionsSection />
      </div>
    </div>
  );
}
