"use client";

import { useQuery } from "@tanstack/react-query";
import { useMay } from "@/components/frame/use-may";
import { secretQuery } from "@/components/secrets/queries";
import { NotLoaded } from "@/components/ui/not-loaded";
import { PageHead } from "@/components/ui/page-head";
import { Tabs } from "@/components/ui/tabs";
import type { AuthSecret } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";
import { TryDecrypt } from "./try-decrypt";
import { TryEncrypt } from "./try-encrypt";
import { TryRequest } from "./try-request";
import { TrySign } from "./try-sign";
import { TrySql } from "./try-sql";
import { TryVerify } from "./try-verify";

/** What every form of trial is given. */
export interface TryProps {
  workspaceId: string;
  secret: AuthSecret;
  /** Why nothing can be sent; null when it can. */
  refused: string | null;
}

/** Try it: uses a secret from the console as a step would, and shows what comes of it. */
export function TryScreen({ workspaceId, secretId }: { workspaceId: string; secretId: string }) {
  const query = useQuery(secretQuery(workspaceId, secretId));
  const may = useMay(workspaceId);
  const list = `/workspaces/${workspaceId}/secrets`;
  const secret = query.data?.data;
  const refused = may("workspaces.auth_secret.use") === false ? "You may not use secrets here." : null;
  if (secret)
    return (
      <div className="page">
        <PageHead
          title="Try it"
          crumbs={[
            { href: list, label: "Secrets" },
            { href: `${list}?manage=${secret.id}`, label: secret.attributes.name },
          ]}
        />
        <Forms workspaceId={workspaceId} secret={secret} refused={refused} />
      </div>
    );
  return (
    <div className="page">
      <PageHead title="Try it" crumbs={[{ href: list, label: "Secrets" }]} />
      <div className="card mt-6">
        <NotLoaded what="secret" list={list} query={query} />
      </div>
    </div>
  );
}

function Forms(props: TryProps) {
  const { type, visible } = props.secret.attributes;
  if (SECRET_TYPES[type].injects === null) return <TrySql {...props} />;
  const request = { value: "request", label: "HTTP request", content: <TryRequest {...props} /> };
  if (type === "rs256" && visible?.use === "encrypt")
    return (
      <Tabs
        keep
        label="What to try"
        tabs={[
          { value: "encrypt", label: "Encrypt", content: <TryEncrypt {...props} /> },
          { value: "decrypt", label: "Decrypt", content: <TryDecrypt {...props} /> },
        ]}
      />
    );
  if (type === "hs256" || type === "rs256")
    return (
      <Tabs
        keep
        label="What to try"
        tabs={[
          { value: "sign", label: "Sign", content: <TrySign {...props} /> },
          { value: "verify", label: "Verify", content: <TryVerify {...props} /> },
          request,
        ]}
      />
    );
  return request.content;
}
