"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useCallback, useEffect, useState } from "react";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";
import { api } from "@/components/frame/api";
import { useToast } from "@/components/ui/toast";
import type { AuthSecret } from "@/lib/sdk/resources";
import { goAuthorize } from "./authorize";
import { patchSecret } from "./patch";
import type { SecretAct } from "./secret-menu";

/** What went wrong, to be said above the list. */
export interface ActFailure {
  title: string;
  text: string;
}

/**
 * What can be done with a secret of the list, from its row or its drawer.
 *
 * @param open shows a secret's drawer
 * @returns `act` does it; `failure` tells that it did not work; `leaving` is the id of the secret whose provider is being gone to;
 * `renaming` and `doomed` are the secrets whose dialogs are open
 */
export function useSecretActs(workspaceId: string, open: (id: string) => void) {
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  const [failure, setFailure] = useState<ActFailure | null>(null);
  const [leaving, setLeaving] = useState<string | null>(null);
  const [renaming, setRenaming] = useState<AuthSecret | null>(null);
  const [doomed, setDoomed] = useState<AuthSecret | null>(null);

  const perform = useCallback(
    async (act: SecretAct, secret: AuthSecret) => {
      const name = secret.attributes.name;
      setFailure(null);
      if (act === "manage") return open(secret.id);
      if (act === "rename") return setRenaming(secret);
      if (act === "delete") return setDoomed(secret);
      if (act === "try") return router.push(`/workspaces/${workspaceId}/secrets/${secret.id}/try`);
      if (act === "edit") return router.push(`/workspaces/${workspaceId}/secrets/${secret.id}/edit`);
      try {
        if (act === "authorize") {
          setLeaving(secret.id);
          await withReauth(() => goAuthorize(workspaceId, secret.id));
          return;
        }
        const answer = await withReauth(() => api.secrets.refresh(workspaceId, secret.id));
        patchSecret(queries, workspaceId, { ...answer, meta: {} });
        const trouble = answer.meta.refresh;
        if (trouble)
          setFailure({
            title: `“${name}” was not renewed.`,
            text: trouble.detail ?? "The token it has is still used.",
          });
        else toast({ title: `“${name}” has a new access token.` });
      } catch (error) {
        setLeaving(null);
        if (error instanceof ReauthCancelled) return;
        setFailure({
          title: act === "authorize" ? `“${name}” could not be authorized.` : `“${name}” was not renewed.`,
          text: error instanceof Error ? error.message : String(error),
        });
      }
    },
    [open, queries, router, toast, workspaceId],
  );
  const act = useCallback((what: SecretAct, secret: AuthSecret) => void perform(what, secret), [perform]);

  // Coming back with the browser's back button shows the page as it was left, button still busy.
  useEffect(() => {
    const onShow = (event: PageTransitionEvent) => {
      if (event.persisted) setLeaving(null);
    };
    window.addEventListener("pageshow", onShow);
    return () => window.removeEventListener("pageshow", onShow);
  }, []);

  return { act, failure, setFailure, leaving, renaming, setRenaming, doomed, setDoomed };
}
