import { answerAuth } from "@/lib/accounts/auth-handler";
import type { Endpoint } from "@/lib/http/endpoint";

/** The console's sessions (next-auth), not the product's OAuth. */
async function handle(request: Request, context: { params: Promise<{ nextauth: string[] }> }): Promise<Response> {
  return answerAuth(request, (await context.params).nextauth);
}

const known = (method: "GET" | "POST") =>
  Object.assign(handle.bind(null), {
    definition: {
      route: `${method} /api/auth/{nextauth}`,
      access: { permission: "public", level: "none", ids: [] },
      takesBody: false,
      body: null,
    } satisfies Endpoint["definition"],
  });

export const GET = known("GET");
export const POST = known("POST");
