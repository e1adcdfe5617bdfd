"use client";

import { useQueryClient } from "@tanstack/react-query";
import { PlugZap } from "lucide-react";
import { useState } from "react";
import { useAction } from "@/components/accounts/use-action";
import { api } from "@/components/frame/api";
import { useMay } from "@/components/frame/use-may";
import { Button } from "@/components/ui/button";
import { Note } from "@/components/ui/note";
import type { AuthSecret, ConnectionTest, TokenTest } from "@/lib/sdk/resources";
import { Traffic } from "./traffic";

export function isDatabase(type: AuthSecret["attributes"]["type"]): boolean {
  return type === "postgresql" || type === "mysql";
}

/** Tries a secret out: the login of a database, or the request by which Latchkey gets its token. */
export function TestSecret({ workspaceId, secret }: { workspaceId: string; secret: AuthSecret }) {
  const queries = useQueryClient();
  const may = useMay(workspaceId);
  const { busy, error, run } = useAction();
  const [answer, setAnswer] = useState<ConnectionTest | TokenTest | null>(null);
  const database = isDatabase(secret.attributes.type);
  const refused =
    may("workspaces.auth_secret.edit") === false
      ? "You may not edit secrets here."
      : !database && may("workspaces.auth_secret.refresh") === false
        ? "You may not have tokens refreshed here."
        : null;
  const test = () => {
    setAnswer(null);
    void run(async () => {
      const { data } = await api.secrets.test(workspaceId, secret.id);
      setAnswer(data);
      if (!database) void queries.invalidateQueries({ queryKey: ["secrets", workspaceId] });
    });
  };
  return (
    <section className="sect" aria-label="Test">
      <h3>Test</h3>
      <p className="help">
        {database
          ? "Logs in to the database once, and changes nothing there."
          : "Asks for a token once and shows what is sent and answered, values masked. A token that comes is kept."}
      </p>
      <div className="acts">
        <Button busy={busy} disabledReason={refused} onClick={test}>
          <PlugZap className="i" aria-hidden />
          {database ? "Test connection" : "Test request"}
        </Button>
      </div>
      {error ? (
        <Note tone="warn" live>
          {error}
        </Note>
      ) : answer ? (
        <TestAnswer answer={answer} />
      ) : null}
    </section>
  );
}

/** What came of a test, of what is saved or only typed. */
export function TestAnswer({ answer }: { answer: ConnectionTest | TokenTest }) {
  if (answer.type === "token-test") return <TokenAnswer test={answer} />;
  const { server, tls, duration_ms } = answer.attributes;
  return (
    <Note tone={tls ? "ok" : "warn"} live>
      The login works: {server}, in {duration_ms} ms
      {tls ? ", over TLS." : ". Without TLS: whoever is on the way can read along."}
    </Note>
  );
}

function TokenAnswer({ test: { attributes } }: { test: TokenTest }) {
  const { outcome, detail, problem, exchanges } = attributes;
  return (
    <div className="stack-sm">
      <Note tone={outcome === "token" ? "ok" : "warn"} live>
        {problem ? `${problem.title}. ${problem.detail}` : detail}
      </Note>
      {exchanges.map((exchange, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the first and the second, and that is what they are
        <Traffic exchange={exchange} key={index} />
      ))}
    </div>
  );
}
