"use client";

import { useState } from "react";
import { api } from "@/components/frame/api";
import { Checkbox } from "@/components/ui/checkbox";
import { Field } from "@/components/ui/field";
import { Note } from "@/components/ui/note";
import { Select } from "@/components/ui/select";
import { sortErrors } from "@/components/ui/server-errors";
import { Textarea } from "@/components/ui/textarea";
import type { SqlRows } from "@/lib/sdk/resources";
import type { SqlParameter } from "@/lib/sdk/sql";
import { readList } from "./read-json";
import { TrialPanes } from "./trial-panes";
import type { TryProps } from "./try-screen";
import { useTry } from "./use-try";

const ROWS = [100, 500, 1000] as const;
const POINTERS = { "/statement": "statement", "/params": "params" } as const;

/** One SQL statement with the login of the secret. */
export function TrySql({ workspaceId, secret, refused }: TryProps) {
  const [statement, setStatement] = useState("");
  const [params, setParams] = useState("");
  const [writes, setWrites] = useState(false);
  const [maxRows, setMaxRows] = useState<number>(ROWS[0]);
  const [complaint, setComplaint] = useState<string | null>(null);
  const trial = useTry<SqlRows>();
  const { fields, rest } = sortErrors(trial.error, POINTERS);
  const mysql = secret.attributes.type === "mysql";
  const send = () => {
    const read = readList(params);
    setComplaint("complaint" in read ? read.complaint : null);
    if ("complaint" in read) return;
    void trial.run(
      async (signal) =>
        (
          await api.secrets.sql(workspaceId, secret.id, statement, read.value as SqlParameter[], {
            readOnly: !writes,
            maxRows,
            signal,
          })
        ).data,
    );
  };
  return (
    <TrialPanes
      label="SQL statement"
      send="Run statement"
      trial={trial}
      refused={refused}
      onSend={send}
      failure={rest}
      empty="Nothing was run yet. Rows stand here."
      fields={
        <>
          <Field
            label="Statement"
            error={inConsoleWords(fields.statement)}
            help="One statement, which may take 30 seconds."
          >
            <Textarea
              code
              rows={8}
              value={statement}
              placeholder={mysql ? "select * from orders where id = ?" : "select * from orders where id = $1"}
              onChange={(event) => setStatement(event.target.value)}
            />
          </Field>
          <Field
            label="Parameters"
            hint="optional"
            error={complaint ?? fields.params ?? null}
            help={mysql ? "A list in JSON: one value for each ?." : "A list in JSON: $1 is the first of it."}
          >
            <Textarea
              code
              rows={2}
              value={params}
              placeholder='[7, "open"]'
              onChange={(event) => {
                setParams(event.target.value);
                setComplaint(null);
              }}
            />
          </Field>
          <Field label="Rows at most">
            <Select value={maxRows} onChange={(event) => setMaxRows(Number(event.target.value))}>
              {ROWS.map((count) => (
                <option key={count} value={count}>
                  {count}
                </option>
              ))}
            </Select>
          </Field>
          <Checkbox
            label="Let it change something"
            text="Otherwise it runs in a transaction that cannot write."
            checked={writes}
            onChange={(event) => setWrites(event.target.checked)}
          />
        </>
      }
    >
      {(answer) => <Rows answer={answer} />}
    </TrialPanes>
  );
}

/** The API names its own switch; here it is a box to tick. */
function inConsoleWords(complaint: string | undefined): string | null {
  return complaint?.replace("Send read_only: false.", "Tick “Let it change something” to allow that.") ?? null;
}

function Rows({ answer: { attributes } }: { answer: SqlRows }) {
  const { rows, columns, truncated, affected, duration_ms } = attributes;
  return (
    <>
      <p className="say try-say" role="status">
        {columns.length === 0
          ? affected === null
            ? "Done."
            : `${counted(affected, "row")} changed.`
          : `${counted(rows.length, "row")}.`}{" "}
        <span>in {duration_ms} ms</span>
      </p>
      {truncated ? (
        <Note tone="warn">There are more rows than these. Ask for more, or narrow the statement.</Note>
      ) : null}
      {columns.length === 0 || rows.length === 0 ? null : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: wide tables scroll, by the keyboard too
        <section className="sql-rows" aria-label="Rows" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {columns.map(({ name, type }, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: two columns may have one name; their place tells them apart
                  <th scope="col" key={index}>
                    {name} <span className="muted">{type}</span>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: rows have no name, and are never reordered
                <tr key={at}>
                  {row.map((value, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its column's place
                    <td key={index}>{value === null ? <span className="muted">null</span> : cellText(value)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}

const counted = (count: number, noun: string) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

const cellText = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
