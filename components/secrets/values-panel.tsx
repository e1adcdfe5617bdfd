"use client";

import Link from "next/link";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { RelativeTime } from "@/components/ui/relative-time";
import type { AuthSecret } from "@/lib/sdk/resources";
import { SECRET_TYPES } from "@/lib/secret-types";
import type { SecretType } from "@/lib/secret-types/secret-type";
import { CommonFacts } from "./common-facts";
import { Happened } from "./happened";
import { PublicKeys } from "./public-keys";
import { NeverShown } from "./reveal-policy";
import { StoredField } from "./stored-field";
import { isDatabase, TestSecret } from "./test-secret";
import { UseIt } from "./use-it";

/** A secret of any other type in its drawer: what is stored, and what can be done with it. */
export function ValuesPanel({ workspaceId, secret }: { workspaceId: string; secret: AuthSecret }) {
  const may = useMay(workspaceId);
  const type: SecretType = SECRET_TYPES[secret.attributes.type];
  const hidden =
    may("workspaces.auth_secret.get_credentials") === false ? "You may not read the values of secrets here." : null;
  return (
    <div>
      <p className="say">
        {storedSay(secret)}{" "}
        <span>
          {type.fields.length > 0 ? (
            <>
              Changed <RelativeTime at={secret.attributes.updated_at} />. It does not expire here.
            </>
          ) : (
            "The service asks for nothing."
          )}
        </span>
      </p>
      <section className="sect">
        <h3>{type.label}</h3>
        {type.fields.length > 0 ? <NeverShown secret={secret} /> : null}
        <dl className="facts">
          {type.fields.map((field) => (
            <StoredField key={field.name} workspaceId={workspaceId} secret={secret} field={field} hidden={hidden} />
          ))}
          <CommonFacts secret={secret} />
        </dl>
      </section>
      {secret.attributes.public_keys ? <PublicKeys workspaceId={workspaceId} secret={secret} /> : null}
      <div className="acts">
        <Button asChild>
          <Link href={`/workspaces/${workspaceId}/secrets/${secret.id}/edit`}>Edit</Link>
        </Button>
      </div>
      {isDatabase(secret.attributes.type) ? <TestSecret workspaceId={workspaceId} secret={secret} /> : null}
      <UseIt workspaceId={workspaceId} secret={secret} />
      <Happened workspaceId={workspaceId} secretId={secret.id} />
    </div>
  );
}

/** What a secret of this type is kept for. */
function storedSay({ attributes: { type, visible } }: AuthSecret): string {
  if (type === "noauth") return "Nothing to keep.";
  if (type === "mysql" || type === "postgresql") return "Stored. Statements run with it here.";
  if (type === "rs256" && visible?.use === "encrypt") return "Stored. Texts are decrypted with it here.";
  if (type === "hs256" || type === "rs256") return "Stored. Tokens are signed and verified with it here.";
  return "Stored, and handed out as it is.";
}
