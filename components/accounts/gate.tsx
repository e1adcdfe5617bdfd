import type { ReactNode } from "react";
import { Mark } from "@/components/ui/mark";

/** The bare page before one is signed in: the mark, a title, and one form. */
export function Gate({ title, sub, children }: { title: ReactNode; sub?: ReactNode; children?: ReactNode }) {
  return (
    <main className="gate" id="main">
      <div className="gate-box">
        <Mark />
        <h1>{title}</h1>
        {sub ? <p className="muted mt-1">{sub}</p> : null}
        {children}
      </div>
      <footer className="gate-foot">
        <span>Latchkey</span>
      </footer>
    </main>
  );
}
