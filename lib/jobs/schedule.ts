import { pruneAccounts } from "@/lib/accounts/sign-in";
import { expireAttempts } from "./expire-attempts";
import { keepAudit } from "./keep-audit";
import { pruneDeliveries } from "./prune-deliveries";
import { pruneEvents } from "./prune-events";
import { rewrapKeys } from "./rewrap-keys";

/** Every periodic job besides the refresher itself. Each may run in several processes at once. */
export const SCHEDULE: readonly { name: string; everyMs: number; run(stopping: AbortSignal): Promise<number> }[] = [
  { name: "spent authorizations removed", everyMs: 10 * 60_000, run: expireAttempts },
  { name: "old timeline entries removed", everyMs: 60 * 60_000, run: pruneEvents },
  { name: "old webhook deliveries removed", everyMs: 60 * 60_000, run: pruneDeliveries },
  { name: "old months of the audit trail removed", everyMs: 60 * 60_000, run: keepAudit },
  { name: "tenant keys rewrapped", everyMs: 5_000, run: rewrapKeys },
  { name: "ended sessions and old sign-in failures removed", everyMs: 60 * 60_000, run: () => pruneAccounts() },
];
