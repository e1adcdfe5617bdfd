import { settings } from "@/lib/config";
import type { Reply } from "./endpoint";

/** 303 to a path of ours or a complete URL; nothing of this request's own URL goes along (OA-14). */
export function seeOther(to: string, headers: Record<string, string> = {}): Reply {
  const location = new URL(to, settings().url).href;
  return { status: 303, headers: { location, "referrer-policy": "no-referrer", ...headers } };
}
