import type { ReactNode } from "react";
import { Pager } from "./pager";
import { Table } from "./table";

/** What happened, newest first: when, what, who or from where, and with what result. */
export function LogTable({
  caption,
  who = "Who",
  className = "",
  page,
  totalPages,
  onPage,
  foot,
  children,
}: {
  caption: string;
  /** Names the third column. */
  who?: string;
  className?: string;
  page: number;
  totalPages: number | undefined;
  onPage: (page: number) => void;
  foot?: string;
  /** The rows. */
  children: ReactNode;
}) {
  return (
    <>
      <Table caption={caption} cols={["c-when", "c-what", "c-who", "c-result"]} className={`activity ${className}`}>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">{who}</th>
            <th scope="col" className="a-result">
              Result
            </th>
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </Table>
      <div className="rows-foot">
        <span>{foot}</span>
        <Pager page={page} totalPages={totalPages ?? 1} onChange={onPage} />
      </div>
    </>
  );
}
