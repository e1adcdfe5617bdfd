import { latchkey } from "@/lib/sdk";

/** The console's own client: same origin, the browser's session cookie. */
export const api = latchkey({ baseUrl: "" });
