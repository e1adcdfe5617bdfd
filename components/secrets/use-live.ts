"use client";

import { type QueryClient, type QueryKey, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api } from "@/components/frame/api";
import { LatchkeyError } from "@/lib/sdk/errors";
import { patchSecret } from "./patch";
import { secretListsKey } from "./queries";

/** How the page learns of changes: told by the server, or asking every few seconds. */
export type Liveness = "live" | "polling";

const GATHER_MS = 300;
const RELIST_MS = 1500;
const POLL_MS = 5000;
const RETRY_MS = 30_000;
/** More changes at once than this are cheaper to read as a list. */
const FEW = 6;

/**
 * Reads anew what is known under a key. What is being read for the first time may have been looked up before the change and cannot be
 * interrupted: it is waited for, and read once more.
 */
async function readAnew(queries: QueryClient, queryKey: QueryKey): Promise<void> {
  const loading = queries
    .getQueryCache()
    .findAll({ queryKey, fetchStatus: "fetching" })
    .filter(({ state }) => state.data === undefined);
  await queries.invalidateQueries({ queryKey });
  for (const query of loading) void queries.invalidateQueries({ queryKey: query.queryKey, exact: true });
}

/** Reads what changed, few secrets one by one, and the lists anew where order or counts may have changed. */
function changes(queries: QueryClient, workspaceId: string) {
  const waiting = new Set<string>();
  let gather: ReturnType<typeof setTimeout> | undefined;
  let relist: ReturnType<typeof setTimeout> | undefined;
  const readLists = () => {
    relist ??= setTimeout(() => {
      relist = undefined;
      void readAnew(queries, secretListsKey(workspaceId));
      void readAnew(queries, ["secrets", workspaceId, "counts"]);
    }, RELIST_MS);
  };
  const readOne = async (id: string) => {
    void readAnew(queries, ["secrets", workspaceId, "history", id]);
    try {
      if (patchSecret(queries, workspaceId, await api.secrets.get(workspaceId, id))) readLists();
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error;
      // Deleted, out of sight or unreachable: the list says which.
      readLists();
    }
  };
  const flush = () => {
    gather = undefined;
    const ids = [...waiting];
    waiting.clear();
    if (ids.length <= FEW) for (const id of ids) void readOne(id);
    else void readAnew(queries, ["secrets", workspaceId]);
  };
  return {
    add(id: string) {
      waiting.add(id);
      gather ??= setTimeout(flush, GATHER_MS);
    },
    stop() {
      clearTimeout(gather);
      clearTimeout(relist);
    },
  };
}

/**
 * Keeps everything known about a workspace's secrets current: by the server's event stream, or by asking every 5 s while there is none.
 * A hidden tab listens to nothing (browsers allow few connections to one host) and catches up when it is seen again.
 */
export function useLive(workspaceId: string): Liveness {
  const queries = useQueryClient();
  const [liveness, setLiveness] = useState<Liveness>("live");
  useEffect(() => {
    const pending = changes(queries, workspaceId);
    const readAll = () => void readAnew(queries, ["secrets", workspaceId]);
    let source: EventSource | null = null;
    let poll: ReturnType<typeof setInterval> | undefined;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const stopPolling = () => {
      clearInterval(poll);
      poll = undefined;
    };
    // What was never loaded says so, and stays so until somebody asks again or the server is back: it would come and go with each poll.
    const readKnown = () =>
      void queries.invalidateQueries({
        queryKey: ["secrets", workspaceId],
        predicate: ({ state }) => state.data !== undefined,
      });
    const lose = () => {
      setLiveness("polling");
      poll ??= setInterval(readKnown, POLL_MS);
    };
    const open = () => {
      const stream = new EventSource(api.secrets.eventsUrl(workspaceId));
      source = stream;
      stream.addEventListener("open", () => {
        stopPolling();
        setLiveness("live");
        // What changed since the page was read, or since the last stream broke, was told to nobody.
        readAll();
      });
      stream.addEventListener("missed", readAll);
      stream.addEventListener("secret", (event) => {
        try {
          const told: unknown = JSON.parse(String(event.data));
          if (told && typeof told === "object" && "id" in told && typeof told.id === "string") pending.add(told.id);
        } catch {
          // Not the message we know: what it meant is found by reading everything.
          readAll();
        }
      });
      stream.addEventListener("error", () => {
        lose();
        // The browser tries again by itself unless it was refused for good.
        if (stream.readyState !== EventSource.CLOSED) return;
        clearTimeout(retry);
        retry = setTimeout(open, RETRY_MS);
      });
    };
    const close = () => {
      clearTimeout(retry);
      stopPolling();
      source?.close();
      source = null;
    };
    const onVisible = () => {
      if (document.hidden) close();
      else if (!source) open();
    };
    if (!document.hidden) open();
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      document.removeEventListener("visibilitychange", onVisible);
      close();
      pending.stop();
    };
  }, [queries, workspaceId]);
  return liveness;
}
