import type { Reply } from "@/lib/http/endpoint";
import { JSON_TYPE } from "@/lib/http/json-api";

/** An answer in plain JSON, outside the JSON:API envelope. */
export function plainAnswer(status: number, value: Record<string, unknown>, requestId: string): Reply {
  return {
    status,
    response: new Response(JSON.stringify(value), {
      status,
      headers: {
        "content-type": JSON_TYPE,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-request-id": requestId,
      },
    }),
  };
}
