import { Message } from "@/components/secrets/traffic";

/** Whether there is anything to show of it. */
export function isReadable(token: string): boolean {
  const [header, claims] = token.trim().split(".").map(decoded);
  return Boolean(header && claims);
}

/** Header and claims of a signed token as anybody can read them; nothing is verified here. */
export function DecodedToken({ token }: { token: string }) {
  const [header, claims] = token.trim().split(".").map(decoded);
  if (!header || !claims) return null;
  return (
    <div className="traffic">
      <Message title="Header" body={header} />
      <Message title="Claims" body={claims} />
    </div>
  );
}

/** A part of a token as text; null where it is no JSON in base64url. */
function decoded(part: string): string | null {
  try {
    const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    const text = new TextDecoder().decode(Uint8Array.from(binary, (letter) => letter.charCodeAt(0)));
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}
