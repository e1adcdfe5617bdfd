"use client";

import Link from "next/link";
import { useState } from "react";
import { api } from "@/components/frame/api";
import { exampleAt } from "@/components/secrets/host-example";
import { Checkbox } from "@/components/ui/checkbox";
import { Field } from "@/components/ui/field";
import { FieldGroup } from "@/components/ui/field-group";
import { Input } from "@/components/ui/input";
import { KeyValueRows } from "@/components/ui/key-value-rows";
import { Note } from "@/components/ui/note";
import { type KeyValue, parseHeaderLines } from "@/components/ui/parse-pairs";
import { Select } from "@/components/ui/select";
import { sortErrors } from "@/components/ui/server-errors";
import { Textarea } from "@/components/ui/textarea";
import type { HttpAnswer } from "@/lib/sdk/resources";
import { HTTP_METHODS, type HttpMethod } from "@/lib/secret-types/http-methods";
import { HttpTraffic, type SentRequest } from "./http-traffic";
import { injectedHeaders } from "./injected-headers";
import { TrialPanes } from "./trial-panes";
import type { TryProps } from "./try-screen";
import { useTry } from "./use-try";

const POINTERS = { "/url": "url", "/headers": "headers", "/body": "body" } as const;

/** A request made by Latchkey with the secret in it; the value itself never comes here. */
export function TryRequest({ workspaceId, secret, refused }: TryProps) {
  const hosts = secret.attributes.allowed_hosts;
  const [first] = useState(() => (hosts[0] ? exampleAt(hosts[0]) : null));
  const [method, setMethod] = useState<HttpMethod>(first?.method ?? "GET");
  const [url, setUrl] = useState(first?.url ?? "");
  const [headers, setHeaders] = useState<KeyValue[]>([]);
  const [body, setBody] = useState("");
  const [templates, setTemplates] = useState(true);
  const trial = useTry<{ sent: SentRequest; answer: HttpAnswer }>();
  const { fields, rest } = sortErrors(trial.error, POINTERS);
  const takesBody = method !== "GET" && method !== "HEAD";
  const begin = (host: string) => {
    const at = exampleAt(host);
    setUrl(at.url);
    if (at.method) setMethod(at.method);
  };
  const send = () => {
    const given = Object.fromEntries(headers.map(({ key, value }) => [key, value]));
    const withBody = takesBody && body !== "";
    const typed = Object.keys(given).some((name) => name.toLowerCase() === "content-type");
    const sent: SentRequest = {
      method,
      url,
      headers: withBody && !typed && isJson(body) ? { ...given, "content-type": "application/json" } : given,
      ...(withBody ? { body } : {}),
    };
    void trial.run(async (signal) => ({
      sent: { ...sent, injected: injectedHeaders(secret) },
      answer: (await api.secrets.request(workspaceId, secret.id, { ...sent, templates, signal })).data,
    }));
  };
  return (
    <TrialPanes
      label="HTTP request"
      send="Send request"
      trial={trial}
      refused={refused ?? (hosts.length === 0 ? "This secret may not go to any host yet." : null)}
      onSend={send}
      failure={rest}
      empty="Nothing was sent yet. What comes back stands here, with the secret's value covered."
      fields={
        <>
          {hosts.length === 0 ? (
            <Note tone="warn">
              This secret may not go to any host yet.{" "}
              <Link className="link" href={`/workspaces/${workspaceId}/secrets/${secret.id}/edit`}>
                Allow one
              </Link>{" "}
              first.
            </Note>
          ) : null}
          <div className="try-line">
            <Field label="Method">
              <Select value={method} onChange={(event) => setMethod(event.target.value as HttpMethod)}>
                {HTTP_METHODS.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </Select>
            </Field>
            <Field
              label="URL"
              error={fields.url ?? null}
              after={
                hosts.length > 0 ? (
                  <div className="suggest">
                    <span>Allowed:</span>
                    {hosts.map((host) => (
                      <button type="button" key={host} onClick={() => begin(host)}>
                        {host}
                      </button>
                    ))}
                  </div>
                ) : null
              }
            >
              <Input
                code
                inputMode="url"
                value={url}
                placeholder="https://api.example.com/v1/me"
                onChange={(event) => setUrl(event.target.value)}
              />
            </Field>
          </div>
          <FieldGroup
            legend="Headers"
            error={fields.headers ?? null}
            help="Latchkey adds what the secret says, and nobody can set that here."
          >
            <KeyValueRows
              noun="Header"
              namePlaceholder="Name, or paste lines"
              read={parseHeaderLines}
              value={headers}
              onChange={setHeaders}
            />
          </FieldGroup>
          {takesBody ? (
            <Field label="Body" error={fields.body ?? null} help="JSON is sent as such unless a header says otherwise.">
              <Textarea code rows={8} value={body} onChange={(event) => setBody(event.target.value)} />
            </Field>
          ) : null}
          <Checkbox
            checked={templates}
            onChange={(event) => setTemplates(event.target.checked)}
            label="Fill in references"
            text="{{ name.field }} in URL, header values and JSON body stands for the value of that secret."
          />
        </>
      }
    >
      {({ sent, answer }) => <HttpTraffic sent={sent} answer={answer} />}
    </TrialPanes>
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
