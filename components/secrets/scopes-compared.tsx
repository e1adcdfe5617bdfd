import { Check, Circle, Plus, X } from "lucide-react";

/** What was asked for beside what was granted; every difference is marked by shape and word. */
export function ScopesCompared({
  asked,
  granted,
  authorized,
  asTyped = false,
}: {
  asked: readonly string[];
  granted: readonly string[];
  /** A token was granted; before that there is nothing to compare with. */
  authorized: boolean;
  /** What was asked for is a text of the endpoint's own making: nothing to compare scope by scope. */
  asTyped?: boolean;
}) {
  if (asked.length === 0 && granted.length === 0)
    return <p className="small muted">None asked for; the provider's default applies.</p>;
  // Some providers do not say what they granted. Then nothing can be compared, and nothing is called missing.
  if (granted.length === 0)
    return (
      <>
        <div className="scopes">
          {asked.map((scope) => (
            <span className="scope scope-open" key={scope}>
              <Circle className="i" aria-hidden />
              {scope}
              <span className="sr"> asked for</span>
            </span>
          ))}
        </div>
        <p className="small muted mt-2">
          {authorized ? "The provider has not said which of these it granted." : "Asked for; nothing is granted yet."}
        </p>
      </>
    );
  const all = [...asked, ...granted.filter((scope) => !asked.includes(scope))];
  return (
    <div className="scopes">
      {all.map((scope) => {
        const missing = !asTyped && !granted.includes(scope);
        const extra = !asTyped && !asked.includes(scope);
        const open = asTyped && !granted.includes(scope);
        const Icon = missing ? X : extra ? Plus : open ? Circle : Check;
        return (
          <span className="scope" key={scope} data-missing={missing || undefined} data-extra={extra || undefined}>
            <Icon className="i" aria-hidden />
            {scope}
            {missing ? (
              <em>not granted</em>
            ) : extra ? (
              <em>not asked for</em>
            ) : (
              <span className="sr">{open ? " asked for" : " granted"}</span>
            )}
          </span>
        );
      })}
    </div>
  );
}
