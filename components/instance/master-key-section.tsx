"use client";

import { useQuery } from "@tanstack/react-query";
import { Section } from "@/components/accounts/section";
import { api } from "@/components/frame/api";
import { CopyField } from "@/components/ui/copy-field";
import { LoadError } from "@/components/ui/load-error";
import { Note } from "@/components/ui/note";
import { SkeletonRows } from "@/components/ui/skeleton-rows";
import { Tag } from "@/components/ui/tag";
import type { MasterKey, RotationMeta } from "@/lib/sdk/resources";

/** While something is under way this often, else as often as processes look at their key file. */
const BUSY_MS = 2_000;
const REST_MS = 5_000;

const STATES = { current: "Current", in_use: "In use", prepared: "Prepared", done: "No longer used" };

const many = (count: number, one: string, more: string) => `${count} ${count === 1 ? one : more}`;

/** Master keys by id, what each wraps, which process has which, and what to do next (CRY-6). Values are nowhere to be seen. */
export function MasterKeySection() {
  const query = useQuery({
    queryKey: ["instance", "master-keys"],
    queryFn: ({ signal }) => api.instance.masterKeys({ signal }),
    refetchInterval: ({ state }) => (state.data && state.data.meta.next !== "none" ? BUSY_MS : REST_MS),
  });
  return (
    <Section
      title="Master key"
      text="Every tenant has keys of its own, which the master key wraps. The ids say which key it is and nothing of its value."
    >
      {query.data ? (
        <>
          <div className="card">
            <ul className="list">
              {query.data.data.map((key) => (
                <Key key={key.id} of={key} rotation={query.data.meta} />
              ))}
            </ul>
          </div>
          <Next keys={query.data.data} rotation={query.data.meta} />
        </>
      ) : query.error ? (
        <LoadError title="The master keys could not be loaded." query={query} />
      ) : (
        <SkeletonRows rows={1} label="Loading the master keys" />
      )}
    </Section>
  );
}

function Key({ of: { id, attributes }, rotation }: { of: MasterKey; rotation: RotationMeta }) {
  const without = rotation.processes.filter((process) => !process.master_key_ids.includes(id));
  return (
    <li>
      <div className="grow">
        <span className="code">{id}</span> <Tag>{STATES[attributes.state]}</Tag>
        <div className="meta">
          <span>
            Wraps {attributes.tenant_keys} of {many(rotation.tenant_keys, "tenant key", "tenant keys")}
          </span>
          {without.length === 0 ? (
            <span>
              {rotation.processes.length === 1
                ? "The process has it"
                : `All ${rotation.processes.length} processes have it`}
            </span>
          ) : (
            <span>
              Lacking in {without.map(({ host, pid, role }) => `process ${pid} on ${host} (${role})`).join(", ")}
            </span>
          )}
        </div>
      </div>
    </li>
  );
}

function Next({ keys, rotation }: { keys: MasterKey[]; rotation: RotationMeta }) {
  const lost = keys.find((key) => key.attributes.processes === 0);
  if (lost)
    return (
      <Note tone="warn">
        No process has the master key {lost.id}, so what it wraps cannot be opened. Give it back to every process.
      </Note>
    );
  const words = WORDS[rotation.next];
  const done = keys.find((key) => key.attributes.state === "current")?.attributes.tenant_keys ?? 0;
  return (
    <div className="next-step">
      <Note tone={rotation.next === "spread" || rotation.next === "align" ? "warn" : "info"} live>
        {words.text}
        {rotation.next === "wait" ? ` ${done} of ${rotation.tenant_keys} are done.` : null}
      </Note>
      {rotation.next === "wait" ? (
        <progress value={done} max={rotation.tenant_keys} aria-label="Tenant keys rewrapped" />
      ) : null}
      {words.command ? <CopyField value={`npm run rotate-key -- ${words.command}`} /> : null}
    </div>
  );
}

const WORDS: Record<RotationMeta["next"], { text: string; command?: string }> = {
  none: {
    text: "To change it, begin with this command on the machine that holds it. Nothing has to stop.",
    command: "prepare",
  },
  spread: {
    text: "Not every process has the same keys yet. Give all of them the same list; those that read it from a file need no restart.",
    command: "status",
  },
  align: {
    text: "The processes wrap with different keys. The same key must come first in every list.",
    command: "status",
  },
  promote: { text: "Every process has the new key. Let it wrap from now on:", command: "promote" },
  wait: { text: "Tenant keys are being rewrapped with the new key. Reading goes on meanwhile." },
  remove: {
    text: "All tenant keys are rewrapped. Take the old key out; keep a copy as long as there are backups from before.",
    command: "remove",
  },
};
