import type { RequestFacts } from "@/lib/access/caller";
import { recordNow } from "@/lib/audit/record";
import { systemClock } from "@/lib/clock";
import { newId } from "@/lib/ids";
import { errorFields, log } from "@/lib/observability/log";
import { once } from "@/lib/process";
import { type CheckRow, writeChecks } from "./store";

/**
 * What becomes of a check besides its answer. Like checks (same endpoint, outcome, reason, secret and address) are counted together for a
 * minute: the first has its audit entry before it is answered, a second entry says how many there were, and the log that people read has one
 * row for them, at most a second old.
 */

export interface Check {
  endpoint: { tenantId: string; workspaceId: string; id: string; name: string };
  outcome: "opened" | "refused" | "failed";
  /** A sentence; null where a secret opened it. Never a text of the caller's. */
  reason: string | null;
  secret: { id: string; name: string } | null;
}

interface Minute {
  check: Check;
  row: CheckRow;
  began: number;
  /** Resolves once the entry of the first is committed. */
  recorded: Promise<void>;
  /** Counted, and not in the log yet. */
  dirty: boolean;
}

const MINUTE_MS = 60_000;
const FLUSH_MS = 1_000;
/** Addresses of one endpoint that are told apart in a minute; a flood from more is one row without an address. */
const MAX_MINUTES = 50;

class Checks {
  readonly #minutes = new Map<string, Minute>();
  /** Over, and not told yet. */
  #ended: Minute[] = [];
  /** How many of an endpoint are open. */
  readonly #open = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> | null = null;

  note(check: Check, facts: RequestFacts): Promise<void> | undefined {
    const known = this.#minutes.get(keyOf(check, facts.ip));
    if (known) return count(known);
    if ((this.#open.get(check.endpoint.id) ?? 0) < MAX_MINUTES) return this.#begin(check, facts);
    const rest = this.#minutes.get(keyOf(check, null));
    return rest ? count(rest) : this.#begin(check, { ...facts, ip: null });
  }

  /** @param all minutes that are not over, too */
  flush(all: boolean): Promise<void> {
    this.#flushing ??= this.#write(all).finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #begin(check: Check, facts: RequestFacts): Promise<void> {
    const { endpoint, outcome, reason, secret } = check;
    const at = new Date(systemClock.now());
    const key = keyOf(check, facts.ip);
    const minute: Minute = {
      check,
      row: {
        tenantId: endpoint.tenantId,
        endpointId: endpoint.id,
        id: newId(),
        outcome,
        reason,
        secretId: secret?.id ?? null,
        secretName: secret?.name ?? null,
        address: facts.ip,
        count: 1,
        firstAt: at,
        lastAt: at,
      },
      began: systemClock.monotonic(),
      recorded: record(check, facts, {}),
      dirty: true,
    };
    this.#minutes.set(key, minute);
    this.#open.set(endpoint.id, (this.#open.get(endpoint.id) ?? 0) + 1);
    this.#timer ??= setInterval(() => void this.flush(false), FLUSH_MS).unref();
    try {
      await minute.recorded;
    } catch (error) {
      // Nobody was let through by it; the next one tries to record it anew.
      this.#remove(key, minute);
      throw error;
    }
  }

  async #write(all: boolean): Promise<void> {
    const now = systemClock.monotonic();
    for (const [key, minute] of this.#minutes)
      if (all || now - minute.began >= MINUTE_MS) {
        this.#remove(key, minute);
        this.#ended.push(minute);
      }
    const dirty = [...this.#ended, ...this.#minutes.values()].filter((minute) => minute.dirty);
    for (const minute of dirty) minute.dirty = false;
    try {
      if (dirty.length > 0) await writeChecks(dirty.map(({ row }) => row));
    } catch (error) {
      for (const minute of dirty) minute.dirty = true;
      log.warn("endpoint_checks_not_written", { count: dirty.length, ...errorFields(error) });
      return;
    }
    const told = await Promise.allSettled(this.#ended.map(recordEnd));
    this.#ended = this.#ended.filter((_minute, at) => told[at]?.status === "rejected");
    if (this.#minutes.size + this.#ended.length > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #remove(key: string, minute: Minute): void {
    if (this.#minutes.get(key) !== minute) return;
    this.#minutes.delete(key);
    const { id } = minute.check.endpoint;
    const left = (this.#open.get(id) ?? 1) - 1;
    if (left > 0) this.#open.set(id, left);
    else this.#open.delete(id);
  }
}

function count(minute: Minute): Promise<void> {
  minute.row.count += 1;
  minute.row.lastAt = new Date(systemClock.now());
  minute.dirty = true;
  return minute.recorded;
}

/** How many the minute had, where the entry of its first does not say it. */
async function recordEnd({ check, row: { count, firstAt, address } }: Minute): Promise<void> {
  if (count === 1) return;
  await record(check, { ...NOBODY, ip: address }, { checks: count, since: firstAt.toISOString() });
}

const keyOf = ({ endpoint, outcome, reason, secret }: Check, address: string | null) =>
  [endpoint.id, outcome, reason ?? "", secret?.id ?? "", address ?? ""].join("\0");

const OUTCOMES = { opened: "allowed", refused: "denied", failed: "failed" } as const;
const NOBODY: RequestFacts = { requestId: "", ip: null, userAgent: null, purpose: null };

function record(
  { endpoint, outcome, reason, secret }: Check,
  { requestId, ip, userAgent }: RequestFacts,
  detail: Record<string, unknown>,
): Promise<void> {
  return recordNow(
    {
      kind: "anonymous",
      name: "a caller",
      via: "inbound",
      ip,
      userAgent,
      ...(requestId ? { requestId } : {}),
    },
    {
      tenantId: endpoint.tenantId,
      workspaceId: endpoint.workspaceId,
      action: `endpoint.${outcome}`,
      outcome: OUTCOMES[outcome],
      target: { type: "endpoint", id: endpoint.id, name: endpoint.name },
      detail: {
        ...(reason === null ? {} : { reason }),
        ...(secret ? { secret_id: secret.id, secret: secret.name } : {}),
        ...detail,
      },
    },
  );
}

const checks = () => once("endpoint-checks", () => new Checks());

/**
 * Counts a check. What it returns must be waited for before the answer: the entry of the first of its kind, which the following ones of
 * that minute need not.
 *
 * @throws AppError audit_unavailable
 */
export function noteCheck(check: Check, facts: RequestFacts): Promise<void> | undefined {
  return checks().note(check, facts);
}

/** Writes all that was counted, with the entries of minutes that are not over: at the end of the process. Never rejects. */
export async function flushChecks(): Promise<void> {
  // One may be under way that does not end the minutes.
  await checks().flush(false);
  await checks().flush(true);
}
