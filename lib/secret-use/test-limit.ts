import type { Caller } from "@/lib/access/caller";
import { countFor } from "@/lib/accounts/person-limits";
import { AppError } from "@/lib/errors";

/** Counts one test of a secret, saved or not. @throws AppError throttled */
export async function limitTests(caller: Caller): Promise<void> {
  const waitMs = await countFor(caller, "test");
  if (waitMs <= 0) return;
  const retryAfterS = Math.ceil(waitMs / 1000);
  throw new AppError("throttled", `You have tested many secrets in a short time. Try again in ${retryAfterS} s.`, {
    retryAfterS,
  });
}
