"use client";

import { zodResolver } from "@hookform/resolvers/zod";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useForm } from "react-hook-form";
import { ReauthCancelled, withReauth } from "@/components/accounts/reauth";
import { api } from "@/components/frame/api";
import { sortErrors } from "@/components/ui/server-errors";
import { LatchkeyError } from "@/lib/sdk/errors";
import type { AuthClient } from "@/lib/sdk/resources";
import { CLIENT_POINTERS, type ClientForm, clientSchema, EMPTY_CLIENT, newCredentials } from "./client-form";
import { clientsQuery } from "./queries";
import { useVisibilityChoices } from "./visibility";

const schema = clientSchema(true);

/** The form of a new client and its saving; `problem` is what belongs to no field. The made client is known to all lists at once. */
export function useNewClient(workspaceId: string, onMade: (client: AuthClient) => void) {
  const queries = useQueryClient();
  const form = useForm<ClientForm>({ resolver: zodResolver(schema), defaultValues: EMPTY_CLIENT });
  const choices = useVisibilityChoices(workspaceId);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const save = form.handleSubmit(async (values) => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      const choice = choices.find((other) => other.value === values.visibility) ?? choices[0];
      const made = await withReauth(() =>
        api.authClients.create({
          name: values.name.trim(),
          type: "oauth2",
          credentials: newCredentials(values),
          owner: choice ? choice.owner : { visibility: "workspace", id: workspaceId },
        }),
      );
      for (const type of ["oauth2", undefined] as const)
        queries.setQueryData(clientsQuery(workspaceId, type).queryKey, (old) =>
          old ? { ...old, data: [...old.data, made.data] } : old,
        );
      form.reset(EMPTY_CLIENT);
      onMade(made.data);
      void queries.invalidateQueries({ queryKey: ["auth-clients", workspaceId] });
    } catch (error) {
      if (error instanceof ReauthCancelled) return;
      const sorted = sortErrors(error, CLIENT_POINTERS);
      for (const [field, message] of Object.entries(sorted.fields))
        form.setError(field as keyof ClientForm, { type: "server", message: message ?? "" }, { shouldFocus: true });
      setProblem(
        error instanceof LatchkeyError && error.status === 403 && sorted.rest
          ? `You may not add a client there. ${sorted.rest}`
          : sorted.rest,
      );
    } finally {
      setBusy(false);
    }
  });
  return { form, choices, busy, problem, save };
}
