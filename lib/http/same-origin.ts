import { settings } from "@/lib/config";
import { AppError } from "@/lib/errors";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * A cookie is sent by the browser whoever made the page, so an unsafe call with a session must come from our own origin;
 * an absent Origin is refused, and only JSON is accepted, which no form can send (SES-3).
 *
 * @throws AppError bad_origin, unsupported_media_type
 */
export function requireSameOrigin(request: Request): void {
  if (SAFE.has(request.method)) return;
  const origin = request.headers.get("origin");
  const same = origin === null ? request.headers.get("sec-fetch-site") === "same-origin" : origin === settings().url;
  if (!same)
    throw new AppError(
      "bad_origin",
      `This call did not come from a page of ${settings().url}. If that is not the address you opened, set LATCHKEY_URL to the one you use.`,
    );
  const type = request.headers.get("content-type");
  if (type !== null && !/^application\/(vnd\.api\+)?json\b/i.test(type))
    throw new AppError("unsupported_media_type", "Send application/json.", { source: { header: "Content-Type" } });
}
