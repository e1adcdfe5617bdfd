"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/components/frame/api";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { FieldError } from "@/components/ui/field-error";
import { useToast } from "@/components/ui/toast";
import { Loaded } from "./loaded";
import { sessionsQuery } from "./queries";
import { Section } from "./section";
import { SessionItems } from "./session-items";
import { useAction } from "./use-action";

/** Where the person is signed in, and ending that. */
export function SessionsSection() {
  const sessions = useQuery(sessionsQuery);
  const queries = useQueryClient();
  const toast = useToast();
  const ending = useAction();
  const [which, setWhich] = useState<string | null>(null);
  const list = sessions.data?.data ?? [];
  const others = list.some((session) => !session.attributes.current);

  const end = async (id: string | null) => {
    setWhich(id);
    const done = await ending.run(() => (id === null ? api.account.endOtherSessions() : api.account.endSession(id)));
    setWhich(null);
    if (!done) return;
    toast({ title: id === null ? "All other sessions ended." : "Session ended." });
    await queries.invalidateQueries({ queryKey: sessionsQuery.queryKey });
  };
  return (
    <Section
      title="Sessions"
      text="Browsers that are signed in as you."
      action={
        others ? (
          <Button busy={ending.busy && which === null} onClick={() => void end(null)}>
            End all others
          </Button>
        ) : null
      }
    >
      {ending.error ? <FieldError>{ending.error}</FieldError> : null}
      <div className="card">
        <Loaded query={sessions} what="sessions">
          {list.length === 0 ? (
            <EmptyState small title="No sessions" />
          ) : (
            <SessionItems sessions={list} ending={ending.busy ? which : null} onEnd={(id) => void end(id)} />
          )}
        </Loaded>
      </div>
    </Section>
  );
}
