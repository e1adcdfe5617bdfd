"use client";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { type FormEvent, useState } from "react";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { FormFoot } from "@/components/ui/form-foot";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { sortErrors } from "@/components/ui/server-errors";
import { api } from "./api";

/** Asks for a name (and the contract, when there are several), creates a workspace and goes there. */
export function NewWorkspaceDialog({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const router = useRouter();
  const queries = useQueryClient();
  const contracts = useQuery({
    queryKey: ["contracts"],
    queryFn: ({ signal }) => api.workspaces.contracts({ signal }),
    enabled: open,
  });
  const [name, setName] = useState("");
  const [contract, setContract] = useState<string | null>(null);
  const [errors, setErrors] = useState<{ fields: { name?: string }; rest: string | null }>({ fields: {}, rest: null });
  const [busy, setBusy] = useState(false);
  const choices = contracts.data?.data ?? [];
  const chosen = contract ?? choices[0]?.id ?? null;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (name.trim() === "") return setErrors({ fields: { name: "Give the workspace a name." }, rest: null });
    if (!chosen)
      return setErrors({
        fields: {},
        rest: "There is no contract you may create a workspace in. Ask its owner for one.",
      });
    setBusy(true);
    try {
      const made = await api.workspaces.create(name.trim(), chosen);
      await queries.invalidateQueries({ queryKey: ["workspaces"] });
      setName("");
      setErrors({ fields: {}, rest: null });
      onOpenChange(false);
      router.push(`/workspaces/${made.data.id}/secrets`);
    } catch (error) {
      setErrors(sortErrors(error, { "/data/attributes/name": "name" }));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      size="sm"
      open={open}
      onOpenChange={onOpenChange}
      title="New workspace"
      sub="Secrets belong to one workspace and are seen only there."
      dirty={name !== ""}
      busy={busy}
      error={errors.rest}
      onSubmit={(event) => void submit(event)}
      foot={<FormFoot submit="Create workspace" busy={busy} onCancel={() => onOpenChange(false)} />}
    >
      <Field label="Name" error={errors.fields.name}>
        <Input value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
      </Field>
      {choices.length > 1 ? (
        <Field label="Contract">
          <Select value={chosen ?? ""} onChange={(event) => setContract(event.target.value)}>
            {choices.map((choice) => (
              <option key={choice.id} value={choice.id}>
                {choice.attributes.name}
              </option>
            ))}
          </Select>
        </Field>
      ) : null}
    </Dialog>
  );
}
