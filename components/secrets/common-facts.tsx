import { CopyButton } from "@/components/ui/copy-button";
import { RelativeTime } from "@/components/ui/relative-time";
import type { AuthSecret } from "@/lib/sdk/resources";
import { AllowedHostsFact } from "./allowed-hosts";

/** What every type has: when it was used last, and the id a step needs. */
export function CommonFacts({ secret }: { secret: AuthSecret }) {
  return (
    <>
      {/* Not told everywhere: then nothing is said rather than "never". */}
      {secret.attributes.last_used_at === undefined ? null : (
        <div className="fact">
          <dt>Last used</dt>
          <dd className="val">
            <RelativeTime at={secret.attributes.last_used_at} />
          </dd>
          <dd className="fact-acts" />
        </div>
      )}
      <AllowedHostsFact secret={secret} />
      <div className="fact">
        <dt>Secret ID</dt>
        <dd className="val">
          <span className="code">{secret.id}</span>
        </dd>
        <dd className="fact-acts">
          <CopyButton variant="plain" size="sm" iconOnly label="Copy secret ID" text={secret.id} />
        </dd>
      </div>
    </>
  );
}
