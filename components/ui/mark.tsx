/** The mark: a key that reads as an L. Decoration, the name stands beside it. */
export function Mark({ className = "mark" }: { className?: string }) {
  return (
    <span className={className}>
      <svg viewBox="0 0 20 20" aria-hidden="true">
        <circle cx="7.5" cy="6" r="3" />
        <path d="M7.5 9v8h6.25M7.5 13h4" />
      </svg>
    </span>
  );
}
