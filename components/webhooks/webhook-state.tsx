import { RelativeTime } from "@/components/ui/relative-time";
import { Status } from "@/components/ui/status";
import type { Webhook } from "@/lib/sdk/resources";

/** Whether a webhook works, and why not where it does not. */
export function WebhookState({ enabled, off, failing_since, delivered_at }: Webhook["attributes"]) {
  if (off) return <Status kind="reauthorize" word="Switched off" why={off.detail} />;
  if (!enabled) return <Status kind="paused" word="Off" />;
  if (failing_since)
    return <Status kind="retrying" word="Failing" why={<RelativeTime at={failing_since} prefix="Since " />} />;
  if (delivered_at) return <Status kind="fresh" word="Delivered" time={<RelativeTime at={delivered_at} />} />;
  return <Status kind="static" word="Nothing sent yet" />;
}
