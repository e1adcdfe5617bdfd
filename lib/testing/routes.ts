import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Endpoint } from "@/lib/http/endpoint";

const APP = join(process.cwd(), "app");
const METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"] as const;

/** What one route file exports for one method. */
export interface Route {
  /** `app/v2/tenants/[id]/route.ts` */
  file: string;
  method: string;
  /** `/v2/tenants/[id]` as the folders say. */
  path: string;
  /** The names of the parameters in the path. */
  parameters: string[];
  handler: Endpoint;
  definition: Endpoint["definition"] | null;
  /** Answers the same failure to everybody: 405, or the 404 of unknown addresses. */
  refuses: boolean;
}

/** Every method of every route file under app/. */
export async function allRoutes(): Promise<Route[]> {
  const files = (await readdir(APP, { recursive: true })).filter((file) => /(^|\/)route\.tsx?$/.test(file)).sort();
  const routes: Route[] = [];
  for (const file of files) {
    const exported: Record<string, unknown> = await import(/* @vite-ignore */ join(APP, file));
    const path = `/${file
      .split("/")
      .slice(0, -1)
      .filter((part) => !part.startsWith("("))
      .join("/")}`;
    for (const method of METHODS) {
      const handler = exported[method];
      if (handler === undefined) continue;
      const known = handler as Partial<Endpoint> & { refuses?: unknown };
      routes.push({
        file: `app/${file}`,
        method,
        path,
        parameters: [...path.matchAll(/\[(?:\.\.\.)?([^\]]+)\]/g)].map((match) => match[1] ?? ""),
        handler: handler as Endpoint,
        definition: known.definition ?? null,
        refuses: known.refuses === true,
      });
    }
  }
  return routes;
}

/** Those that do something, each with its definition. */
export async function definedRoutes(): Promise<(Route & { definition: Endpoint["definition"] })[]> {
  return (await allRoutes()).flatMap((route) => (route.definition ? [{ ...route, definition: route.definition }] : []));
}
