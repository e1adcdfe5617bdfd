import { notFound } from "@/lib/errors";
import { refusal } from "@/lib/http/methods";

/** Whatever no other route answers: 404 as JSON, like everything under /v2. */
const unknown = refusal(() => notFound("address"));

export const GET = unknown;
export const POST = unknown;
export const PATCH = unknown;
export const PUT = unknown;
export const DELETE = unknown;
