import { answerAuth } from "@/lib/accounts/auth-handler";

/** The console's sessions (next-auth), not the product's OAuth. */
async function handle(request: Request, context: { params: Promise<{ nextauth: string[] }> }): Promise<Response> {
  return answerAuth(request, (await context.params).nextauth);
}

export const GET = handle;
export const POST = handle;
