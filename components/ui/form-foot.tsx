import { Button } from "./button";

/** The foot of a dialog with a form: leave it, or submit it. */
export function FormFoot({ submit, busy, onCancel }: { submit: string; busy: boolean; onCancel: () => void }) {
  return (
    <>
      <Button onClick={onCancel}>Cancel</Button>
      <Button variant="primary" type="submit" busy={busy}>
        {submit}
      </Button>
    </>
  );
}
