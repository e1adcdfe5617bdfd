"use client";

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { CopyField } from "@/components/ui/copy-field";
import { FieldError } from "@/components/ui/field-error";
import { Skeleton } from "@/components/ui/skeleton";
import type { AuthClient } from "@/lib/sdk/resources";
import { urlSafe } from "@/lib/secret-types/names";
import { redirectUriQuery } from "./queries";

const WAIT_MS = 250;

/**
 * The redirect URI a secret with this name will have: follows the name at once, and the server's word (a name that is taken gets a number)
 * replaces the guess as it arrives. `uri` is null until the server answered once. A client may share one URI among all its secrets.
 */
export function useRedirectUri(workspaceId: string, name: string, client: AuthClient | null) {
  const [settled, setSettled] = useState(name);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(name), WAIT_MS);
    return () => clearTimeout(timer);
  }, [name]);
  const sharedUri = client?.attributes.redirect_uri ?? null;
  const query = useQuery(redirectUriQuery(workspaceId, settled.trim() || "secret", client?.id ?? null));
  if (sharedUri) return { uri: sharedUri, slug: null, shared: true, error: null };
  const told = query.data;
  if (!told) return { uri: null, slug: null, shared: false, error: query.error };
  const dot = told.secret_name.lastIndexOf(".");
  const current = settled === name && !query.isPlaceholderData;
  const slug = current ? told.secret_name.slice(0, dot) : urlSafe(name);
  return {
    uri: current
      ? told.redirect_uri
      : told.redirect_uri.replace(told.secret_name, `${slug}${told.secret_name.slice(dot)}`),
    slug,
    shared: false,
    error: null,
  };
}

/** The redirect URI as a read-only field with its copy button and what to do with it. */
export function RedirectPreview({
  uri,
  slug,
  shared,
  error,
}: {
  uri: string | null;
  slug: string | null;
  shared: boolean;
  error?: Error | null;
}) {
  return (
    <div className="field">
      <span className="label">Redirect URI</span>
      {uri ? (
        <CopyField value={uri} mark={shared ? null : slug} label="Copy callback URL" />
      ) : error ? (
        <FieldError>The redirect URI could not be worked out yet. {error.message}</FieldError>
      ) : (
        <div className="copy">
          <div className="copy-text">
            <Skeleton w={24} />
          </div>
        </div>
      )}
      <p className="help">
        {shared
          ? "Shared by all secrets of this client: registering it once at your provider is enough."
          : "Register this, exactly, at your provider before you authorize."}
      </p>
    </div>
  );
}
