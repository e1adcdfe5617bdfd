/** One line that keeps its end (URIs, scopes): cut at the start, the full value on hover. */
export function KeepEnd({ text, code = true }: { text: string; code?: boolean }) {
  return (
    <span className={code ? "code trunc keep-end" : "trunc keep-end"} title={text}>
      <bdi dir="ltr">{text}</bdi>
    </span>
  );
}
