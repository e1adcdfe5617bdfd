"use client";

import { Check, TriangleAlert, X } from "lucide-react";
import Link from "next/link";
import { Button } from "@/components/ui/button";
import type { AuthSecret } from "@/lib/sdk/resources";

/**
 * Said on coming back from the provider: it worked, and at once if something is missing. Without a refresh token the cure is named with
 * a way to it.
 */
export function JustAuthorized({
  workspaceId,
  secret,
  onManage,
  onClose,
}: {
  workspaceId: string;
  secret: AuthSecret;
  onManage: () => void;
  onClose: () => void;
}) {
  const { name, has_refresh_token, expires_at } = secret.attributes;
  const lacking = !has_refresh_token && expires_at !== null;
  const edit = `/workspaces/${workspaceId}/secrets/${secret.id}/edit?add=offline`;
  return (
    <div className={lacking ? "arrived arrived-warn" : "arrived"} role="status">
      {lacking ? <TriangleAlert className="i" aria-hidden /> : <Check className="i" aria-hidden />}
      <div>
        <b>
          “{name}” is authorized{lacking ? ", but no refresh token came." : "."}
        </b>{" "}
        <span className="rest">
          {lacking
            ? "Latchkey cannot renew it by itself. Most providers send one when the scope offline_access, or the parameters access_type=offline and prompt=consent, are asked for."
            : expires_at === null
              ? "Its access token has no expiry."
              : "Latchkey renews it by itself from now on."}
        </span>
      </div>
      <span className="spacer" />
      {lacking ? (
        <Button size="sm" asChild>
          <Link href={edit}>Ask for a refresh token</Link>
        </Button>
      ) : null}
      <Button size="sm" onClick={onManage}>
        Manage tokens
      </Button>
      <Button variant="plain" size="sm" icon aria-label="Close this message" onClick={onClose}>
        <X className="i" aria-hidden />
      </Button>
    </div>
  );
}
