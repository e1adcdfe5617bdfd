import type { MaskedExchange } from "@/lib/sdk/resources";

/** A request and its answer as they travelled, every secret value masked. */
export function Traffic({ exchange: { request, response } }: { exchange: MaskedExchange }) {
  return (
    <div className="traffic">
      <Message title="Sent" first={`${request.method} ${request.url}`} headers={request.headers} body={request.body} />
      {response ? (
        <Message
          title="Answered"
          first={`HTTP ${response.status}`}
          headers={response.headers}
          body={response.body}
          tone={response.status < 400 ? "ok" : "bad"}
        />
      ) : (
        <p className="muted small">No answer came.</p>
      )}
    </div>
  );
}

/** One side of an exchange: first line and headers, if any, and a body. */
export function Message({
  title,
  first = "",
  headers = {},
  body,
  tone,
}: {
  title: string;
  first?: string;
  headers?: Record<string, string>;
  body: string;
  tone?: "ok" | "bad";
}) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`);
  return (
    <figure className="message" data-tone={tone}>
      <figcaption>{title}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long ones scroll, by the keyboard too */}
      <pre tabIndex={0}>
        {first === "" ? null : <b>{`${first}\n`}</b>}
        {lines}
        {body === "" ? "" : `${first === "" ? "" : "\n"}${readable(body, headers["content-type"] ?? "")}`}
      </pre>
    </figure>
  );
}

/** A form with a line for each of its values. */
function readable(body: string, type: string): string {
  return type.startsWith("application/x-www-form-urlencoded") ? body.replaceAll("&", "\n&") : body;
}
