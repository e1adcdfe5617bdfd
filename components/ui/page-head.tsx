import { ChevronRight } from "lucide-react";
import Link from "next/link";
import type { ReactNode } from "react";

export interface PageHeadProps {
  title: ReactNode;
  count?: { n: number; label: string } | undefined;
  /** The way back: the pages above this one. */
  crumbs?: { href: string; label: string }[];
  /** The one primary button. */
  children?: ReactNode;
}

/** The head of a page: where it lies, its title, and the one thing to do. */
export function PageHead({ title, count, crumbs, children }: PageHeadProps) {
  return (
    <>
      {crumbs ? (
        <nav className="crumb" aria-label="Breadcrumb">
          {crumbs.map((crumb) => (
            <span className="crumb-part" key={crumb.href}>
              <Link href={crumb.href} dir="auto" title={crumb.label}>
                {crumb.label}
              </Link>
              <ChevronRight className="i i-sm" aria-hidden />
            </span>
          ))}
          <span aria-current="page" dir="auto">
            {title}
          </span>
        </nav>
      ) : null}
      <div className="page-head">
        <h1 dir="auto" title={typeof title === "string" ? title : undefined}>
          {title}
        </h1>
        {count ? (
          <span className="count">
            {count.n}
            <span className="sr"> {count.label}</span>
          </span>
        ) : null}
        <span className="spacer" />
        {children}
      </div>
    </>
  );
}
