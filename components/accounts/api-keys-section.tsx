"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { api } from "@/components/frame/api";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { useToast } from "@/components/ui/toast";
import type { ApiKey } from "@/lib/sdk/resources";
import { KeyMeta } from "./key-meta";
import { LastUsed } from "./last-used";
import { LimitWords } from "./limit-words";
import { Loaded } from "./loaded";
import { NewKeyDialog } from "./new-key-dialog";
import { apiKeysQuery } from "./queries";
import { Section } from "./section";
import { ShownOnce } from "./shown-once";
import { useAction } from "./use-action";

/** The person's API keys: what there is, a new one (shown once), and deleting one by name. */
export function ApiKeysSection({ email }: { email: string }) {
  const keys = useQuery(apiKeysQuery);
  const queries = useQueryClient();
  const toast = useToast();
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const [doomed, setDoomed] = useState<ApiKey | null>(null);
  const removal = useAction();

  const remove = async (key: ApiKey) => {
    if (!(await removal.run(() => api.account.deleteApiKey(key.id)))) return;
    setDoomed(null);
    toast({ title: `API key “${key.attributes.name}” deleted.` });
    await queries.invalidateQueries({ queryKey: apiKeysQuery.queryKey });
  };
  const list = keys.data?.data ?? [];
  return (
    <Section
      title="API keys"
      text="For scripts and programs that act as you: HTTP Basic with your email as user name and the key as password."
      action={
        <Button onClick={() => setAdding(true)}>
          <Plus className="i" aria-hidden />
          Create API key
        </Button>
      }
    >
      <div className="card">
        <Loaded query={keys} what="API keys">
          {list.length === 0 ? (
            <EmptyState small title="No API keys">
              Steps of an integration need none of yours: they get a task identity of their workspace.
            </EmptyState>
          ) : (
            <ul className="list">
              {list.map((key) => (
                <li key={key.id}>
                  <div className="grow">
                    <b>{key.attributes.name}</b>
                    <KeyMeta {...key.attributes} />
                    <LimitWords {...key.attributes} />
                  </div>
                  <Button
                    variant="plain"
                    size="sm"
                    icon
                    aria-label={`Delete API key ${key.attributes.name}`}
                    title="Delete"
                    onClick={() => {
                      removal.clear();
                      setDoomed(key);
                    }}
                  >
                    <Trash2 className="i" aria-hidden />
                  </Button>
                </li>
              ))}
            </ul>
          )}
        </Loaded>
      </div>
      <NewKeyDialog
        open={adding}
        onOpenChange={setAdding}
        onMade={(key) => {
          setAdding(false);
          setMade(key);
        }}
      />
      <ShownOnce
        open={made !== null}
        onClose={() => setMade(null)}
        title="Your new API key"
        values={[
          { label: "User name", value: email, copy: "Copy user name" },
          { label: "API key", value: made ?? "", copy: "Copy API key" },
        ]}
        use="Send both as HTTP Basic: curl -u 'user:key'."
      />
      <ConfirmDialog
        open={doomed !== null}
        onOpenChange={(open) => {
          if (!open) setDoomed(null);
        }}
        title={`Delete the API key “${doomed?.attributes.name ?? ""}”?`}
        confirm="Delete API key"
        busy={removal.busy}
        error={removal.error}
        onConfirm={() => {
          if (doomed) void remove(doomed);
        }}
      >
        <p>
          Everything that signs in with it is refused from then on. <LastUsed at={doomed?.attributes.last_used_at} />
        </p>
      </ConfirmDialog>
    </Section>
  );
}
