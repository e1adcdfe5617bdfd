import { type HttpMethod, isHttpMethod } from "@/lib/secret-types/http-methods";

/** A request that an allowed host `[METHOD ]host[/path/]` allows; the host may have a star for any name. */
export function exampleAt(entry: string): { method: HttpMethod | null; url: string } {
  const [place = "", method = ""] = entry.split(" ").reverse();
  const url = `https://${place.replace("*", "www")}${place.includes("/") ? "" : "/"}`;
  return { method: isHttpMethod(method) ? method : null, url };
}
