import { Message } from "@/components/secrets/traffic";
import { Note } from "@/components/ui/note";
import { SaveButton } from "@/components/ui/save-button";
import type { HttpAnswer } from "@/lib/sdk/resources";
import type { HttpMethod } from "@/lib/secret-types/http-methods";

export interface SentRequest {
  method: HttpMethod;
  url: string;
  headers: Record<string, string>;
  body?: string;
  /** Added by Latchkey, masked. */
  injected?: Record<string, string>;
}

/** More than that is for a file. */
const MOST_SHOWN = 100_000;

/** A request that Latchkey made and its answer. */
export function HttpTraffic({ sent, answer: { attributes } }: { sent: SentRequest; answer: HttpAnswer }) {
  const { status, headers, body, body_base64, duration_ms, tries, masked } = attributes;
  const bytes = body_base64 === undefined ? null : Uint8Array.from(atob(body_base64), (letter) => letter.charCodeAt(0));
  const text = body ?? "";
  const cut = text.length > MOST_SHOWN;
  return (
    <>
      <p className="say try-say" role="status">
        {status} <span>in {duration_ms} ms</span>
      </p>
      {tries > 1 ? <Note>The token was refused, so a new one was asked for and the request sent again.</Note> : null}
      {masked > 0 ? (
        <Note tone="warn">
          The answer held the secret&apos;s value {masked === 1 ? "once" : `${masked} times`}; it is covered with stars.
        </Note>
      ) : null}
      <div className="traffic">
        <Message
          title="Answered"
          first={`HTTP ${status}`}
          headers={headers}
          body={cut ? `${text.slice(0, MOST_SHOWN)}…` : indented(text)}
          tone={status < 400 ? "ok" : "bad"}
        />
        {bytes ? <p className="muted small">The body is no text: {bytes.length} bytes.</p> : null}
        {cut ? <p className="muted small">The body goes on; the file holds all of it.</p> : null}
        {bytes || cut ? (
          <div>
            <SaveButton
              file="answer"
              type={headers["content-type"] ?? "application/octet-stream"}
              content={bytes ?? text}
            >
              Save body
            </SaveButton>
          </div>
        ) : null}
        <Message
          title="Sent"
          first={`${sent.method} ${sent.url}`}
          headers={{ ...sent.headers, ...sent.injected }}
          body={sent.body ?? ""}
        />
      </div>
    </>
  );
}

/** JSON with line breaks; as it came where reading it would change a large number. */
function indented(text: string): string {
  if (/\d{16}/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
