"use client";

import { Button } from "@/components/ui/button";
import { CopyField } from "@/components/ui/copy-field";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Note } from "@/components/ui/note";

export interface ShownOnceProps {
  open: boolean;
  onClose: () => void;
  title: string;
  values: { label: string; value: string; copy: string }[];
  /** How it is used, one sentence. */
  use: string;
}

/** A key right after its creation: the only time it can be seen. */
export function ShownOnce({ open, onClose, title, values, use }: ShownOnceProps) {
  return (
    <Dialog
      open={open}
      onOpenChange={(next) => {
        if (!next) onClose();
      }}
      title={title}
      sub="Copy it now. It is not stored in readable form and cannot be shown again."
      foot={
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      }
    >
      {values.map((item) => (
        <Field key={item.label} label={item.label} labelAs="span">
          <CopyField value={item.value} label={item.copy} />
        </Field>
      ))}
      <Note>{use}</Note>
    </Dialog>
  );
}
