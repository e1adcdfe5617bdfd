import { Section } from "@/components/accounts/section";
import { CopyButton } from "@/components/ui/copy-button";

const LINES = `import { Webhook } from "standardwebhooks"; // also for Python, Go, Java, Ruby, PHP, C#, Rust

// signingSecret: whsec_…, from wherever your program keeps its secrets.
// The body as it arrived, byte for byte; headers webhook-id, webhook-timestamp, webhook-signature.
const message = new Webhook(signingSecret).verify(body, headers);

if (await seen(headers["webhook-id"])) return; // a message may arrive twice, with the same id
console.log(message.type, message.data.message);`;

/** How a receiver knows that a message is ours. */
export function VerifyLines() {
  return (
    <Section
      title="How to verify"
      text="Messages are signed after the Standard Webhooks specification. Check the signature before anything else."
    >
      <div className="lines">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, by the keyboard too */}
        <pre tabIndex={0}>{LINES}</pre>
        <CopyButton variant="plain" size="sm" iconOnly label="Copy the lines" text={LINES} />
      </div>
    </Section>
  );
}
