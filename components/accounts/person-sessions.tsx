"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/components/frame/api";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { useToast } from "@/components/ui/toast";
import type { Person } from "@/lib/sdk/resources";
import { Loaded } from "./loaded";
import { personName } from "./person-name";
import { personSessionsQuery } from "./queries";
import { SessionItems } from "./session-items";
import { useAction } from "./use-action";

export interface PersonSessionsProps {
  /** Null: closed. */
  person: Person | null;
  onClose: () => void;
  mayEnd: boolean;
}

/** Where somebody is signed in, and signing them out of one browser or of all. */
export function PersonSessions({ person, onClose, mayEnd }: PersonSessionsProps) {
  const id = person?.id ?? "";
  const sessions = useQuery({ ...personSessionsQuery(id), enabled: person !== null });
  const queries = useQueryClient();
  const toast = useToast();
  const action = useAction();
  const [ending, setEnding] = useState<string | null>(null);
  const list = sessions.data?.data ?? [];
  const name = person ? personName(person) : "";

  const end = async (sessionId: string | null) => {
    setEnding(sessionId);
    const done = await action.run(() =>
      sessionId === null ? api.people.endSessions(id) : api.people.endSession(id, sessionId),
    );
    setEnding(null);
    if (done) toast({ title: sessionId === null ? `${name} was signed out everywhere.` : "Session ended." });
    await queries.invalidateQueries({ queryKey: personSessionsQuery(id).queryKey });
  };
  return (
    <Dialog
      open={person !== null}
      onOpenChange={(open) => {
        if (open) return;
        action.clear();
        onClose();
      }}
      title={`Sessions of ${name}`}
      sub="Browsers they are signed in with. That you look, and what you end, is recorded. API keys are not touched."
      busy={action.busy}
      error={action.error}
      foot={
        <>
          {mayEnd && list.some((session) => !session.attributes.current) ? (
            <Button variant="danger" busy={action.busy && ending === null} onClick={() => void end(null)}>
              Sign out everywhere
            </Button>
          ) : null}
          <Button onClick={onClose}>Close</Button>
        </>
      }
    >
      <Loaded query={sessions} what="sessions">
        {list.length === 0 ? (
          <EmptyState small title="Signed in nowhere" />
        ) : (
          <div className="card">
            <SessionItems sessions={list} ending={ending} onEnd={mayEnd ? (one) => void end(one) : undefined} />
          </div>
        )}
      </Loaded>
    </Dialog>
  );
}
