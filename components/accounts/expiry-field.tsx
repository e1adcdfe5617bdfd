import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { EXPIRY_CHOICES } from "./expiry";

/** How long a new key lives, in days. `never`: 0 is a choice too. */
export function ExpiryField({
  days,
  onChange,
  error,
  never = false,
}: {
  days: number;
  onChange: (days: number) => void;
  error?: string | undefined;
  never?: boolean;
}) {
  return (
    <Field label="Expires after" error={error}>
      <Select value={days} onChange={(event) => onChange(Number(event.target.value))}>
        {never ? <option value={0}>Never</option> : null}
        {EXPIRY_CHOICES.map((choice) => (
          <option key={choice.days} value={choice.days}>
            {choice.label}
          </option>
        ))}
      </Select>
    </Field>
  );
}
