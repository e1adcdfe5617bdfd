import { type RefObject, useEffect, useRef, useState } from "react";

/** Not the frame around an input, which is marked too. */
const WRONG = ':is(input, textarea, select, button)[aria-invalid="true"]';

/**
 * Leads to what has to be mended: after a form was sent, and is not busy any more, its first field with an error gets the focus,
 * which may lie outside of what is seen.
 *
 * @returns the form's ref, and what to call when it is sent
 */
export function useFocusWrong(busy: boolean): { form: RefObject<HTMLFormElement | null>; sent: () => void } {
  const form = useRef<HTMLFormElement>(null);
  const [times, setTimes] = useState(0);
  useEffect(() => {
    if (times > 0 && !busy) form.current?.querySelector<HTMLElement>(WRONG)?.focus();
  }, [times, busy]);
  return { form, sent: () => setTimes((before) => before + 1) };
}
