import { prune } from "@/lib/webhooks/delivery-store";

const KEEP_DAYS = 30;
const KEEP_OF_EACH = 1_000;

/** Removes finished deliveries older than 30 days, and of each webhook all but the last 1,000. @returns how many */
export function pruneDeliveries(): Promise<number> {
  return prune(KEEP_DAYS, KEEP_OF_EACH);
}
